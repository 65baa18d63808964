// StopSignal: waits for what ends the daemon: SIGTERM, SIGINT, or a private caller who is gone. Not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "sandbox/base/fd.h"

namespace airlock::server {

class StopSignal {
 public:
  // Blocks the two signals for this thread and all that it starts, and ignores SIGPIPE. `private_fd`: -1 for none. Call
  // before any thread starts, and after everything that is executed: a child would inherit both.
  explicit StopSignal(int private_fd);

  // Tells a private caller that the daemon serves.
  void SayReady() const;
  // Until somebody wants the daemon to end, and then nothing; or until one of `gone_fds` is readable, for what it
  // cannot be without: which.
  [[nodiscard]] std::optional<size_t> Wait(std::span<const int> gone_fds) const;

 private:
  Fd signals_;
  int private_fd_;
};

}  // namespace airlock::server
