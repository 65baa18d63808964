// Cancellation: a flag that a poll can wait for. Set once, never cleared. Thread-safe.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "sandbox/base/fd.h"

namespace airlock::server {

class Cancellation {
 public:
  Cancellation() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void Cancel() {
    const uint64_t one = 1;
    cancelled_ = true;
    (void)!::write(event_.get(), &one, sizeof(one));
  }
  bool cancelled() const { return cancelled_; }
  // Readable once cancelled; -1 where the process is out of descriptors (deadlines still hold then).
  int fd() const { return event_.get(); }

 private:
  Fd event_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace airlock::server
