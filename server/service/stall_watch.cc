#include "server/service/stall_watch.h"

#include <algorithm>

namespace airlock::server {

StallWatch::StallWatch(std::chrono::milliseconds patience) : patience_(patience), thread_([this] { Run(); }) {}

StallWatch::~StallWatch() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void StallWatch::Add(Stallable* call) {
  const std::lock_guard lock(mutex_);
  calls_.insert(call);
}

void StallWatch::Remove(Stallable* call) {
  const std::lock_guard lock(mutex_);
  calls_.erase(call);
}

size_t StallWatch::size() const {
  const std::lock_guard lock(mutex_);
  return calls_.size();
}

void StallWatch::Run() {
  const auto period =
      std::min<std::chrono::milliseconds>(patience_ / 4 + std::chrono::milliseconds(1), std::chrono::seconds(1));
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, period, [this] { return closing_; })) {
    const auto now = std::chrono::steady_clock::now();
    for (Stallable* call : calls_) {
      const auto since = call->waiting_since();
      if (since < now && now - since > patience_) call->OnStall();
    }
  }
}

}  // namespace airlock::server
