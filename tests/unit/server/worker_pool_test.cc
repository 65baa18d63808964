// The pool with workers that a test pretends to be: what becomes of those that die at birth, or while they wait.
#include "server/pool/worker_pool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "sandbox/base/version.h"

namespace airlock::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string ReadyFrame() {
  worker::v1::Frame frame;
  frame.mutable_ready()->set_version(kVersion);
  frame.mutable_ready()->set_layers(walls::RequiredLayers(walls::Posture::kNested));
  const std::string body = frame.SerializeAsString();
  return std::string{static_cast<char>(body.size()), 0, 0, 0} + body;
}

// Its workers are sockets: they say READY and wait, or are dead at birth.
class FakeSpawner final : public spawner::SpawnerClient {
 public:
  spawner::SpawnResult<spawner::Worker> Spawn() override {
    const size_t number = spawned_++;
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    EXPECT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    spawner::Worker worker;
    worker.socket = Fd(ends[0]);
    Fd theirs(ends[1]);
    if (lives(number)) {
      const std::string ready = ReadyFrame();
      EXPECT_EQ(::write(theirs.get(), ready.data(), ready.size()), static_cast<ssize_t>(ready.size()));
      const std::lock_guard lock(mutex_);
      alive_.push_back(std::move(theirs));
    }
    return worker;
  }
  void KillAll() {
    const std::lock_guard lock(mutex_);
    alive_.clear();
  }
  size_t spawned() const { return spawned_; }

  std::function<bool(size_t number)> lives = [](size_t) { return true; };

 private:
  std::atomic<size_t> spawned_ = 0;
  std::mutex mutex_;
  std::vector<Fd> alive_;
};

class WorkerPoolTest : public testing::Test {
 protected:
  OrVerdict<ReadyWorker> Take(milliseconds patience = seconds(20)) { return pool_.Take(Clock::now() + patience); }

  FakeSpawner spawner_;
  WorkerPool pool_{spawner_, PoolOptions()};
};

TEST_F(WorkerPoolTest, ADeathAtBirthIsNobodysFailure) {
  spawner_.lives = [](size_t number) { return number % WorkerPool::kHopeless == WorkerPool::kHopeless - 1; };
  pool_.Start();
  for (int i = 0; i < 20; ++i) {
    auto worker = Take();
    ASSERT_TRUE(worker.ok()) << i << ": " << worker.error().failure().message();
  }
}

TEST_F(WorkerPoolTest, ADeathDoesNotReachThoseWhoWait) {
  spawner_.lives = [](size_t number) { return number % 2 == 1; };
  pool_.Start();
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int load = 0; load < 20; ++load) taken += Take().ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 160);
}

TEST_F(WorkerPoolTest, DeathsInTheIdlePoolAreReplaced) {
  pool_.Start();
  for (int round = 0; round < 10; ++round) {
    ASSERT_TRUE(Take().ok());
    spawner_.KillAll();
    auto worker = Take();
    ASSERT_TRUE(worker.ok()) << worker.error().failure().message();
    char byte = 0;
    EXPECT_EQ(::recv(worker->worker.socket.get(), &byte, 1, MSG_PEEK), -1) << "a dead one was lent";
  }
}

TEST_F(WorkerPoolTest, AHostThatMakesNoWorkersFailsAtOnceAndIsSeenToRecover) {
  std::atomic<bool> broken = true;
  spawner_.lives = [&](size_t) { return !broken; };
  pool_.Start();
  const auto start = Clock::now();
  for (int i = 0; i < 5; ++i) {
    auto worker = Take();
    ASSERT_FALSE(worker.ok());
    EXPECT_EQ(worker.error().reason(), v1::REASON_NO_WORKER);
    EXPECT_NE(worker.error().failure().message().find("before its walls were up"), std::string::npos);
  }
  EXPECT_LT(Clock::now() - start, seconds(2));
  EXPECT_GE(spawner_.spawned(), WorkerPool::kHopeless);
  EXPECT_LT(spawner_.spawned(), WorkerPool::kHopeless + 8) << "it spins";
  broken = false;
  auto worker = Take();
  while (!worker.ok() && Clock::now() - start < seconds(10)) worker = Take();
  EXPECT_TRUE(worker.ok());
}

TEST(PoolDemand, GrowsWhereNoneIsLeftAndShrinksByWhatNobodyNeeded) {
  PoolDemand demand(2, 8);
  EXPECT_EQ(demand.target(), 2U);
  demand.Missed();
  EXPECT_EQ(demand.target(), 4U);
  demand.Missed();
  demand.Missed();
  EXPECT_EQ(demand.target(), 8U) << "the cap";
  demand.Pass();
  EXPECT_EQ(demand.target(), 8U) << "all were needed";
  demand.Taken(6);
  demand.Taken(4);
  demand.Taken(7);
  demand.Pass();
  EXPECT_EQ(demand.target(), 6U) << "half of the four that were left at the worst";
  for (int i = 0; i < 10; ++i) demand.Pass();
  EXPECT_EQ(demand.target(), 2U) << "idle";
}

TEST_F(WorkerPoolTest, HoldsMoreReadyOnceSomebodyHadToWait) {
  pool_.Start();
  ASSERT_TRUE(Take().ok());
  const size_t most = PoolOptions().most;
  std::vector<OrVerdict<ReadyWorker>> taken;
  for (size_t i = 0; i < 4 * most; ++i) taken.push_back(Take());
  const auto end = Clock::now() + seconds(10);
  while (spawner_.spawned() <= 1 + taken.size() + PoolOptions().size && Clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_GT(spawner_.spawned(), 1 + taken.size() + PoolOptions().size);
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_LE(spawner_.spawned(), 1 + taken.size() + most) << "the cap";
}

TEST_F(WorkerPoolTest, PatienceEnds) {
  const auto start = Clock::now();  // and nobody makes any
  auto worker = Take(milliseconds(50));
  ASSERT_FALSE(worker.ok());
  EXPECT_EQ(worker.error().reason(), v1::REASON_NO_WORKER);
  EXPECT_LT(Clock::now() - start, seconds(5));
}

}  // namespace
}  // namespace airlock::server
