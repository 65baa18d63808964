// A file system of a caller's own (FUSE): one file that can be opened and looked at, and whose server never answers
// when it is closed. As root alone can mount it without a helper, and as its owner alone can use it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <string>
#include <thread>

#include "sandbox/base/fd.h"

namespace airlock::test {

class SilentFuse {
 public:
  static constexpr uint64_t kFileBytes = 3;

  // Of user `owner`, at `point`, an empty directory.
  SilentFuse(const std::string& point, uid_t owner);
  // Whoever waits for an answer gets an error now.
  ~SilentFuse();
  SilentFuse(const SilentFuse&) = delete;
  SilentFuse& operator=(const SilentFuse&) = delete;

  // Why there is none; empty: it is there.
  const std::string& missing() const { return missing_; }
  std::string file() const { return point_ + "/file"; }
  // In a forked process: or the file system would have two servers, of which one waits for itself when it ends.
  void CloseInChild() { device_.Close(); }
  // How many wait to close a file.
  int unanswered() const { return unanswered_; }

 private:
  void Serve();

  const std::string point_;
  std::string missing_;
  Fd device_;
  Fd stop_;
  std::atomic<int> unanswered_ = 0;
  std::thread thread_;
};

}  // namespace airlock::test
