// SocketWatch: waits for callers that are slow to read, so that no thread does. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "sandbox/base/fd.h"
#include "server/pool/cancellation.h"

namespace airlock::server {

class SocketWatch {
 public:
  SocketWatch();
  // REQUIRES: nobody waits any more.
  ~SocketWatch();
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  // Calls `then` once, from the watch's thread, which it must not hold up: as soon as `socket` is ready for `events`
  // (of epoll), or its other end is gone, or the call is cancelled. Both must be open until then. False, and no call,
  // where the kernel does not take them.
  bool Wait(int socket, uint32_t events, const Cancellation& cancellation, std::function<void()> then);

 private:
  struct Waiter {
    int socket;
    int cancellation;
    std::function<void()> then;
  };

  void Run();
  void Wake(uint64_t id);
  void Forget(const Waiter& waiter);

  const Fd epoll_;
  Cancellation stop_;
  std::mutex mutex_;
  uint64_t next_ = 1;
  std::map<uint64_t, Waiter> waiters_;
  std::thread thread_;
};

}  // namespace airlock::server
