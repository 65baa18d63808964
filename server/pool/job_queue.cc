#include "server/pool/job_queue.h"

#include <utility>

namespace airlock::server {
namespace {

// Weight of the newest duration.
constexpr double kSmoothing = 0.2;

}  // namespace

JobQueue::JobQueue(size_t threads, size_t capacity) : capacity_(capacity) {
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

JobQueue::~JobQueue() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

// REQUIRES: mutex_ is held.
bool JobQueue::ComesTooLate(Deadline deadline) const {
  if (deadline == kNoDeadline || running_ < threads_.size()) return false;
  const double turns = static_cast<double>(jobs_.size() + 1) / static_cast<double>(threads_.size());
  const auto wait = std::chrono::duration_cast<Deadline::duration>(usual_ * turns);
  return deadline - std::chrono::system_clock::now() < wait;
}

bool JobQueue::TryPost(Job job, Deadline deadline) {
  {
    const std::lock_guard lock(mutex_);
    // A job that a free thread takes at once does not wait.
    const size_t free_threads = threads_.size() - running_;
    if (closing_ || jobs_.size() >= capacity_ + free_threads || ComesTooLate(deadline)) return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void JobQueue::Post(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

size_t JobQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

void JobQueue::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    ++running_;
    lock.unlock();
    const auto start = std::chrono::steady_clock::now();
    job();
    job = nullptr;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    lock.lock();
    --running_;
    usual_ += kSmoothing * (took - usual_);
  }
}

}  // namespace airlock::server
