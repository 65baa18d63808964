// StallWatch: cancels calls whose caller neither sends nor reads. A vanished peer can leave a write outstanding for
// ever; nothing else would end such a call. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_set>

namespace airlock::server {

// What can stall.
class Stallable {
 public:
  virtual ~Stallable() = default;
  // Since when it waits for its caller; nothing (max) while it does not. Called from the watch's thread.
  virtual std::chrono::steady_clock::time_point waiting_since() const = 0;
  // Called from the watch's thread, at most until Remove.
  virtual void OnStall() = 0;
};

class StallWatch {
 public:
  explicit StallWatch(std::chrono::milliseconds patience);
  ~StallWatch();

  void Add(Stallable* call);
  // Afterwards the watch does not touch it.
  void Remove(Stallable* call);
  size_t size() const;

 private:
  void Run();

  const std::chrono::milliseconds patience_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::unordered_set<Stallable*> calls_;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace airlock::server
