// Every attack of the hostile worker through a real daemon: each must end within its deadline as one clear verdict, and
// leave neither a process nor a descriptor behind.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
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

// A daemon whose workers obey their input, for the whole suite. As many of them wait whatever the demand: their
// descriptors are counted.
class BrokerHostileTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    daemon_ = std::make_unique<TestDaemon>(std::vector<std::string>{"--worker",
                                                                    HOSTILE_WORKER,
                                                                    "--minimum-posture",
                                                                    "filter-only",
                                                                    "--log-level",
                                                                    "warn",
                                                                    "--pool",
                                                                    "2",
                                                                    "--pool-most",
                                                                    "2",
                                                                    "--max-loads",
                                                                    "2",
                                                                    "--max-calls",
                                                                    std::to_string(kMaxCalls),
                                                                    "--limit",
                                                                    "wall_ms=3000",
                                                                    "--limit",
                                                                    "silence_ms=1500",
                                                                    "--limit",
                                                                    "cpu_seconds=2",
                                                                    "--limit",
                                                                    "output_bytes=1048576",
                                                                    "--limit",
                                                                    "memory_bytes=268435456"});
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
  {
    std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
    std::vector<std::unique_ptr<LoadStream>> held;
    v1::LoadRequest request;
    request.mutable_options()->mutable_source()->mutable_upload()->set_size(1000);
    // Calls overtake each other on their way in: one of the first few may come too late for a place, and is gone.
    while (contexts.size() < kMaxCalls || (contexts.size() < 5 * kMaxCalls && reason() != v1::REASON_QUEUE_FULL)) {
      contexts.push_back(std::make_unique<grpc::ClientContext>());
      held.push_back(daemon_->NewStub()->Load(contexts.back().get()));
      held.back()->Write(request);
    }
    EXPECT_EQ(AtRest(reason, v1::REASON_QUEUE_FULL), v1::REASON_QUEUE_FULL);
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

}  // namespace
}  // namespace airlock::server
