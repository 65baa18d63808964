// Wakefulness: keeps gRPC's threads from falling asleep while the daemon is idle.
//
// A thread of gRPC 1.51's callback API that has had no event for a second sleeps for 100 ms, and a request that comes
// when all of them do waits for it: measured, up to 90 ms for a load of 2 ms. An event twice a second, of a call on a
// channel that fails all calls at once, keeps one of them waiting for requests.
#pragma once

#include <thread>

namespace airlock::server {

class Wakefulness {
 public:
  Wakefulness();
  // Waits for its last event.
  ~Wakefulness() = default;
  Wakefulness(const Wakefulness&) = delete;
  Wakefulness& operator=(const Wakefulness&) = delete;

 private:
  std::jthread thread_;
};

}  // namespace airlock::server
