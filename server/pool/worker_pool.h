// WorkerPool: keeps walled workers ready before anybody asks, so that no request pays for the birth of one.
//
// A worker in the pool has reported READY and has seen no byte of any file. It is taken once and never comes back. One
// that died, or waited for minutes, is discarded. Threads of the pool make new ones, as many at a time as there are
// cores: the birth of one takes longer than most loads. How many wait goes by demand (pool_demand.h). A worker whose
// walls are below the minimum posture is an error and never lent. One worker that dies at birth is nobody's failure:
// another is made at once, and only kHopeless of them in a row say that this host makes no workers. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/spawner/spawner_client.h"
#include "sandbox/walls/layers.h"
#include "server/frame_reader.h"
#include "server/pool/pool_demand.h"
#include "server/verdict.h"

namespace airlock::server {

// A worker that is ready for its one job.
struct ReadyWorker {
  spawner::Worker worker;
  FrameReader reader;
  worker::v1::Ready ready;
  walls::Posture posture;
  Clock::time_point born;
};

struct PoolOptions {
  // Workers that wait at least, and under load at most.
  size_t size = 2;
  size_t most = 8;
  // Born at a time.
  size_t births = 2;
  walls::Posture minimum = walls::Posture::kNested;
  std::chrono::seconds max_age{300};
  std::chrono::seconds startup{10};
};

// Since the pool began; `ready` is now.
struct PoolCounts {
  uint64_t born = 0;
  uint64_t failed = 0;
  size_t ready = 0;
};

class WorkerPool {
 public:
  // Failures in a row after which nobody waits any longer. Accidents do not come in such numbers, and a host that
  // cannot make workers has failed so often within milliseconds.
  static constexpr size_t kHopeless = 8;

  // `spawner` must outlive the pool.
  WorkerPool(spawner::SpawnerClient& spawner, const PoolOptions& options);
  // Kills the waiting workers.
  ~WorkerPool();

  // Makes one worker now, on this thread. The first one tells what this host allows.
  OrVerdict<ReadyWorker> Make();
  // Starts the threads that keep the pool full. Call once.
  void Start();

  // A ready worker; waits for one until `deadline`, or until there is no hope. Fails as NO_WORKER.
  OrVerdict<ReadyWorker> Take(Clock::time_point deadline);
  PoolCounts Counts();

 private:
  void Refill();
  // Whether one more should be made.
  bool wants_more() const {
    return ready_.size() + births_ < demand_.target() + wanted_ && (!struggling() || births_ == 0);
  }
  void DropStale();
  // Makes one worker and stores it, or what was wrong.
  void RefillOne(std::unique_lock<std::mutex>& lock);
  // Of those born side by side a dead one may come late and be counted with the next ones, and others may overtake the
  // one that lives: so some more are needed, and the last one under way decides.
  bool struggling() const { return failures_ >= kHopeless + options_.births - 1; }
  bool hopeless() const { return struggling() && births_ == 0; }

  spawner::SpawnerClient& spawner_;
  const PoolOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ReadyWorker> ready_;
  PoolDemand demand_;
  Clock::time_point last_pass_ = Clock::now();
  // Those who wait for a worker, and the workers that are being born.
  size_t wanted_ = 0;
  size_t births_ = 0;
  // Attempts that failed since one succeeded, and the last one's reason.
  size_t failures_ = 0;
  PoolCounts counts_;
  Verdict failure_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace airlock::server
