// JobQueue: a bounded queue before a fixed number of threads. Loads wait here for a worker slot, and bulk reads for a
// thread that may block on a disk: no gRPC thread ever does either. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace airlock::server {

class JobQueue {
 public:
  using Job = std::function<void()>;
  using Deadline = std::chrono::system_clock::time_point;
  static constexpr Deadline kNoDeadline = Deadline::max();

  // At most `capacity` jobs wait; `threads` run.
  JobQueue(size_t threads, size_t capacity);
  // Runs what is queued, then ends. REQUIRES: nobody posts any more.
  ~JobQueue();

  // False where the queue is full, or where by experience `deadline` passes before the job's turn comes.
  bool TryPost(Job job, Deadline deadline = kNoDeadline);
  // Never refuses: for work whose amount is bounded elsewhere.
  void Post(Job job);

  size_t waiting() const;

 private:
  void Run();
  bool ComesTooLate(Deadline deadline) const;

  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  size_t running_ = 0;
  // Smoothed duration of a job.
  std::chrono::duration<double> usual_{0};
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace airlock::server
