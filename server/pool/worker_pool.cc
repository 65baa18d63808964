#include "server/pool/worker_pool.h"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "server/log.h"
#include "server/validate/validator.h"

namespace airlock::server {
namespace {

constexpr auto kRetryPause = std::chrono::milliseconds(500);
constexpr auto kStaleCheck = std::chrono::seconds(5);
// A worker that has closed its socket is about to end.
constexpr int kEndMs = 1'000;

Verdict VerdictOfSpawn(const spawner::SpawnError& error) {
  std::string text = error.step;
  if (error.error_number != 0) text += std::string(": ") + std::strerror(error.error_number);
  if (!error.remedy.empty()) text += "; " + error.remedy;
  return Verdict(v1::REASON_NO_WORKER, text);
}

// A waiting worker says nothing: one whose socket has become readable is dead or mad.
bool IsQuiet(const ReadyWorker& worker) {
  pollfd fd = {worker.worker.socket.get(), POLLIN, 0};
  return ::poll(&fd, 1, 0) == 0;
}

// Names that share a remedy stand before it together: the text has an end.
std::string MissingLayers(uint64_t layers, walls::Posture minimum) {
  std::string text;
  std::string names;
  const uint64_t missing = walls::RequiredLayers(minimum) & ~layers;
  for (size_t i = 0; i < walls::Layers().size(); ++i) {
    const walls::LayerRow& row = walls::Layers()[i];
    if ((missing & row.bit) != 0) names += (names.empty() ? "" : ", ") + std::string(row.name);
    const bool shared = i + 1 < walls::Layers().size() && walls::Layers()[i + 1].remedy == row.remedy;
    if (names.empty() || shared) continue;
    text += (text.empty() ? "" : "; ") + std::exchange(names, {}) + " missing: " + std::string(row.remedy);
  }
  return text;
}

}  // namespace

WorkerPool::WorkerPool(spawner::SpawnerClient& spawner, const PoolOptions& options)
    : spawner_(spawner), options_(options), demand_(options.size, std::max(options.size, options.most)) {}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

OrVerdict<ReadyWorker> WorkerPool::Make() {
  auto spawned = spawner_.Spawn();
  if (!spawned.ok()) return Unexpected<Verdict>{VerdictOfSpawn(spawned.error())};
  spawner::Worker worker = std::move(spawned).value();
  FrameReader reader(worker.socket.get());
  const Deadlines deadlines{Clock::now() + options_.startup, options_.startup};
  auto first = reader.Next(deadlines);
  if (!first.ok() && !reader.cut_off()) {
    // It may live: how it ends now is our doing and says nothing.
    return Because(v1::REASON_NO_WORKER, "a worker did not report: " + first.error().failure().message());
  }
  if (!first.ok() || !first->has_value()) {
    const spawner::Exit exit = spawner::ReapWithin(worker, kEndMs);
    const std::string how = (exit.by_signal ? "signal " : "exit status ") + std::to_string(exit.code);
    return Because(v1::REASON_NO_WORKER, "a worker ended before its walls were up: " + how);
  }
  AIRLOCK_ASSIGN(worker::v1::Ready ready, Validator::OpenReady(std::move((*first)->frame)));
  // What stands around it from outside, no worker is asked.
  ready.set_layers((ready.layers() & ~walls::kBrokersLayers) | worker.layers());
  const walls::Posture posture = walls::PostureOf(ready.layers());
  if (posture < options_.minimum) {
    return Because(v1::REASON_NO_WORKER, MissingLayers(ready.layers(), options_.minimum));
  }
  return ReadyWorker{std::move(worker), std::move(reader), std::move(ready), posture, Clock::now()};
}

void WorkerPool::Start() {
  for (size_t i = 0; i < options_.births; ++i) threads_.emplace_back([this] { Refill(); });
}

OrVerdict<ReadyWorker> WorkerPool::Take(Clock::time_point deadline) {
  std::optional<ReadyWorker> taken;
  std::unique_lock lock(mutex_);
  ++wanted_;
  if (ready_.empty()) demand_.Missed();
  changed_.notify_all();
  const auto settled = [this] { return !ready_.empty() || hopeless() || closing_; };
  while (!taken && changed_.wait_until(lock, deadline, settled) && !ready_.empty()) {
    // One that died while it waited has seen no file: nobody need know.
    if (IsQuiet(ready_.front())) taken.emplace(std::move(ready_.front()));
    ready_.pop_front();
    demand_.Taken(ready_.size());
    changed_.notify_all();
  }
  --wanted_;
  if (taken) return std::move(*taken);
  return failure_.ok() ? Unexpected<Verdict>{Verdict(v1::REASON_NO_WORKER, "none became ready in time")}
                       : Unexpected<Verdict>{failure_};
}

PoolCounts WorkerPool::Counts() {
  const std::lock_guard lock(mutex_);
  PoolCounts counts = counts_;
  counts.ready = ready_.size();
  return counts;
}

// REQUIRES: mutex_ is held.
void WorkerPool::DropStale() {
  const auto stale = [this](const ReadyWorker& worker) {
    return Clock::now() - worker.born > options_.max_age || !IsQuiet(worker);
  };
  std::erase_if(ready_, stale);
  if (Clock::now() - last_pass_ < kStaleCheck) return;
  last_pass_ = Clock::now();
  demand_.Pass();
  while (ready_.size() > demand_.target()) ready_.pop_front();
}

void WorkerPool::Refill() {
  std::unique_lock lock(mutex_);
  while (!closing_) {
    DropStale();
    if (!wants_more()) {
      changed_.wait_for(lock, kStaleCheck);
      continue;
    }
    RefillOne(lock);
    // Without hope we go on, so that a host that recovers is seen to, but in no hurry.
    if (struggling()) changed_.wait_for(lock, kRetryPause, [this] { return closing_; });
  }
  ready_.clear();
}

void WorkerPool::RefillOne(std::unique_lock<std::mutex>& lock) {
  ++births_;
  lock.unlock();
  auto made = Make();
  lock.lock();
  --births_;
  if (made.ok()) {
    failures_ = 0;
    ++counts_.born;
    failure_ = Verdict();
    ready_.push_back(std::move(made).value());
  } else {
    ++failures_;
    ++counts_.failed;
    failure_ = std::move(made).error();
    LogWarning("worker-failed", {{"message", failure_.failure().message()}, {"in_a_row", failures_}});
  }
  changed_.notify_all();
}

}  // namespace airlock::server
