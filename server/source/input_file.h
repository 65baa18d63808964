// InputFile: an open file whose bytes the broker never looks at, and what it was when it was opened. Path and upload
// sources both end as one, or as several (input.h). Movable; not thread-safe.
#pragma once

#include <sys/stat.h>

#include <cstdint>

#include "sandbox/base/fd.h"
#include "server/verdict.h"

namespace airlock::server {

class InputFile {
 public:
  // Whose word about the file is taken: that of its server, or what this machine knows of it, without asking a server
  // that may be the caller itself and never answer.
  enum class Facts : uint8_t { kOfItsServer, kKnownHere };

  // Takes a read-only descriptor. Fails as NOT_A_REGULAR_FILE.
  static OrVerdict<InputFile> Take(Fd fd, Facts facts = Facts::kOfItsServer);

  int fd() const { return fd_.get(); }
  uint64_t size() const { return opened_.stx_size; }
  // INPUT_CHANGED unless device, inode, size and time of modification are what they were.
  OrVerdict<void> CheckUnchanged() const;

 private:
  InputFile(Fd fd, Facts facts, const struct statx& opened) : fd_(std::move(fd)), facts_(facts), opened_(opened) {}

  Fd fd_;
  Facts facts_;
  struct statx opened_;
};

}  // namespace airlock::server
