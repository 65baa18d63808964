// InputFile: an open checkpoint whose bytes the broker never looks at, and what it was when it was opened. Path and
// upload sources both end as one. Movable; not thread-safe.
#pragma once

#include <sys/stat.h>

#include <cstdint>

#include "sandbox/base/fd.h"
#include "server/verdict.h"

namespace airlock::server {

class InputFile {
 public:
  // Takes a read-only descriptor. Fails as NOT_A_REGULAR_FILE.
  static OrVerdict<InputFile> Take(Fd fd);

  int fd() const { return fd_.get(); }
  uint64_t size() const { return static_cast<uint64_t>(opened_.st_size); }
  // INPUT_CHANGED unless device, inode, size and time of modification are what they were.
  OrVerdict<void> CheckUnchanged() const;

 private:
  InputFile(Fd fd, const struct stat& opened) : fd_(std::move(fd)), opened_(opened) {}

  Fd fd_;
  struct stat opened_;
};

}  // namespace airlock::server
