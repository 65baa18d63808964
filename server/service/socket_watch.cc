#include "server/service/socket_watch.h"

#include <sys/epoll.h>

#include <array>
#include <utility>

namespace airlock::server {
namespace {

constexpr uint64_t kStop = 0;

bool Add(int epoll, int fd, uint32_t events, uint64_t id) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

SocketWatch::SocketWatch() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  (void)Add(epoll_.get(), stop_.fd(), EPOLLIN, kStop);
  thread_ = std::thread([this] { Run(); });
}

SocketWatch::~SocketWatch() {
  stop_.Cancel();
  thread_.join();
}

bool SocketWatch::Wait(int socket, uint32_t events, const Cancellation& cancellation, std::function<void()> then) {
  // Held until all is in its place: it can be ready at once.
  const std::lock_guard lock(mutex_);
  const uint64_t id = next_++;
  const bool added = Add(epoll_.get(), socket, events, id);
  if (added && Add(epoll_.get(), cancellation.fd(), EPOLLIN, id)) {
    waiters_.emplace(id, Waiter{socket, cancellation.fd(), std::move(then)});
    return true;
  }
  if (added) (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket, nullptr);
  return false;
}

void SocketWatch::Run() {
  std::array<epoll_event, 64> events{};
  while (!stop_.cancelled()) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) Wake(events[static_cast<size_t>(i)].data.u64);
  }
}

// Both descriptors of a waiter can be ready; the second one then finds it gone.
void SocketWatch::Wake(uint64_t id) {
  std::function<void()> then;
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiters_.find(id);
    if (found == waiters_.end()) return;
    then = std::move(found->second.then);
    Forget(found->second);
    waiters_.erase(found);
  }
  then();
}

void SocketWatch::Forget(const Waiter& waiter) {
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, waiter.socket, nullptr);
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, waiter.cancellation, nullptr);
}

}  // namespace airlock::server
