// Every attack of the hostile worker through a real daemon: each must end within its deadline as one clear verdict, and
// leave neither a process nor a descriptor behind.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "airlock/v1/loader.grpc.pb.h"
#include "tests/hostile/attack.h"
#include "tests/unit/server/test_daemon.h"

namespace airlock::server {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr size_t kMaxCalls = 4;
constexpr size_t kMaxLoads = 2;
constexpr size_t kPool = 2;

// A daemon whose workers obey their input, for a whole suite, and what the kernel says of it. As many workers wait
// whatever the demand: they and their descriptors are counted.
class HostileDaemonTest : public testing::Test {
 protected:
  static void Start(size_t max_calls, const std::vector<std::string>& limits) {
    std::vector<std::string> arguments = {"--worker",    HOSTILE_WORKER, "--minimum-posture",
                                          "filter-only", "--log-level",  "warn"};
    for (const auto& [name, value] : {std::pair("--pool", kPool), std::pair("--pool-most", kPool),
                                      std::pair("--max-loads", kMaxLoads), std::pair("--max-calls", max_calls)}) {
      arguments.insert(arguments.end(), {name, std::to_string(value)});
    }
    for (const std::string& limit : limits) arguments.insert(arguments.end(), {"--limit", limit});
    daemon_ = std::make_unique<TestDaemon>(arguments);
    ASSERT_TRUE(daemon_->Serves());
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(daemon_->Stop(), 0) << "the broker did not end well";
    daemon_.reset();
  }

  static size_t Count(const fs::path& folder) {
    const auto entries = fs::directory_iterator(folder);
    return static_cast<size_t>(std::distance(fs::begin(entries), fs::end(entries)));
  }
  // The broker is not dumpable: only root may look at its descriptors.
  static size_t Descriptors() {
    return ::geteuid() == 0 ? Count("/proc/" + std::to_string(daemon_->pid()) + "/fd") : 0;
  }
  static size_t Children() {
    size_t children = 0;
    std::ifstream list("/proc/" + std::to_string(daemon_->pid()) + "/task/" + std::to_string(daemon_->pid()) +
                       "/children");
    for (std::string pid; list >> pid;) ++children;
    return children;
  }
  // The pool refills behind the answer: wait for it to come to rest.
  template <typename Measure>
  static size_t AtRest(Measure measure, size_t wanted) {
    const auto end = std::chrono::steady_clock::now() + seconds(10);
    while (measure() != wanted && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return measure();
  }

  static inline std::unique_ptr<TestDaemon> daemon_;
};

class BrokerHostileTest : public HostileDaemonTest {
 protected:
  static void SetUpTestSuite() {
    Start(kMaxCalls,
          {"wall_ms=3000", "silence_ms=1500", "cpu_seconds=2", "output_bytes=1048576", "memory_bytes=268435456"});
  }
};

TEST_F(BrokerHostileTest, EveryAttackEndsAsOneVerdictAndNothingIsLeft) {
  ASSERT_EQ(daemon_->ReasonOf(hostile::CheckpointFor(300)), 0U)
      << "the control: a worker that tells the truth is believed";
  std::this_thread::sleep_for(seconds(1));
  const size_t descriptors = Descriptors();
  const size_t children = Children();
  for (const hostile::Attack& attack : hostile::AllAttacks()) {
    const auto start = std::chrono::steady_clock::now();
    std::string message;
    const uint32_t reason = daemon_->ReasonOf(hostile::CheckpointFor(attack.id), &message);
    EXPECT_TRUE(std::find(attack.reasons.begin(), attack.reasons.end(), reason) != attack.reasons.end())
        << attack.id << " " << attack.name << ": reason " << reason << ", " << message;
    EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(8)) << attack.id << " " << attack.name;
    ASSERT_TRUE(daemon_->Serves()) << "the broker died of " << attack.id << " " << attack.name;
  }
  EXPECT_EQ(daemon_->ReasonOf(hostile::CheckpointFor(300)), 0U) << "the broker still serves";
  EXPECT_EQ(AtRest(Descriptors, descriptors), descriptors);
  EXPECT_EQ(AtRest(Children, children), children);
}

// A caller that holds calls open without sending: others are turned away at once, and served when it is gone.
TEST_F(BrokerHostileTest, CallsThatAreOnlyHeldOpenDoNotAddUp) {
  const auto reason = [] { return daemon_->ReasonOf(hostile::CheckpointFor(300)); };
  // Not only because the place of the call that asked before is not free yet.
  const auto full = [&] {
    if (reason() != v1::REASON_QUEUE_FULL) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return reason() == v1::REASON_QUEUE_FULL;
  };
  {
    std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
    std::vector<std::unique_ptr<LoadStream>> held;
    v1::LoadRequest request;
    request.mutable_options()->mutable_source()->mutable_upload()->set_size(1000);
    // Calls overtake each other on their way in: one of the first few may come too late for a place, and is gone.
    while (contexts.size() < kMaxCalls || (contexts.size() < 5 * kMaxCalls && !full())) {
      contexts.push_back(std::make_unique<grpc::ClientContext>());
      held.push_back(daemon_->NewStub()->Load(contexts.back().get()));
      held.back()->Write(request);
    }
    EXPECT_TRUE(full());
    grpc::ClientContext context;
    v1::SelfTestResponse unanswered;
    EXPECT_EQ(daemon_->NewStub()->SelfTest(&context, {}, &unanswered).error_code(),
              grpc::StatusCode::RESOURCE_EXHAUSTED);
    for (size_t i = 0; i < held.size(); ++i) {
      contexts[i]->TryCancel();
      (void)held[i]->Finish();
    }
  }
  EXPECT_EQ(AtRest(reason, 0), 0U);
}

// Loads that are large enough to be shared, where there is more than one processor.
class HostileSharesTest : public HostileDaemonTest {
 protected:
  static constexpr size_t kCallers = 8;
  static void SetUpTestSuite() {
    if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "one processor: nothing is shared";
    Start(kCallers, {"wall_ms=60000", "silence_ms=60000", "cpu_seconds=60", "output_bytes=67108864"});
  }
  static void TearDownTestSuite() {
    if (daemon_) HostileDaemonTest::TearDownTestSuite();
  }
  // With bytes behind the instruction, so that the output may be as large as its limit.
  static std::string Checkpoint(uint32_t id) {
    std::string bytes = hostile::CheckpointFor(id);
    bytes.resize(64 << 10);
    return bytes;
  }
};

TEST_F(HostileSharesTest, OneLiarAmongThemFailsTheLoad) {
  ASSERT_EQ(daemon_->ReasonOf(Checkpoint(380)), 0U);
  const std::vector<std::pair<uint32_t, std::string>> lies = {
      {381, "repeat.plan"}, {382, "done.held-back"}, {383, "repeat.plan"},   {384, "repeat.plan"},
      {387, "seccomp"},     {388, "repeat.plan"},    {389, "piece.findings"}};
  for (const auto& [id, rule] : lies) {
    std::string message;
    EXPECT_NE(daemon_->ReasonOf(Checkpoint(id), &message), 0U) << id;
    EXPECT_NE(message.find(rule), std::string::npos) << id << ": " << message;
  }
  EXPECT_EQ(daemon_->ReasonOf(Checkpoint(385)), uint32_t{v1::REASON_DECODER_CRASH});
  EXPECT_EQ(daemon_->ReasonOf(Checkpoint(380)), 0U);
}

TEST_F(HostileSharesTest, ACallerThatGoesTakesAllWorkersWithIt) {
  const size_t before = AtRest(Children, 1 + kPool);
  ASSERT_EQ(before, 1 + kPool) << "the spawner, and who waits";
  grpc::ClientContext context;
  const auto stub = daemon_->NewStub();
  const auto stream = stub->Load(&context);
  Upload(Checkpoint(390), *stream);
  EXPECT_EQ(AtRest(Children, before + 2), before + 2) << "two spin";
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(AtRest(Children, before), before);
}

// None waits for another's workers for ever, and together they have no more than one beside what each load has.
TEST_F(HostileSharesTest, ManyAtOnceAllEndAndHaveFewWorkers) {
  std::atomic<size_t> ended = 0;
  std::vector<std::thread> callers;
  for (size_t i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      EXPECT_EQ(daemon_->ReasonOf(Checkpoint(380)), 0U);
      ++ended;
    });
  }
  size_t most = 0;
  while (ended < kCallers) most = std::max(most, Children());
  for (std::thread& caller : callers) caller.join();
  // The spawner, who waits and who is being born, one for each load, and one that helps.
  EXPECT_LE(most, 1 + kPool + kMaxLoads + kMaxLoads + 1);
}

}  // namespace
}  // namespace airlock::server
