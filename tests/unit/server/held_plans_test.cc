// Callers that ask for much and read nothing: what the broker keeps for them together is bounded.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/fixtures/torch_writer.h"
#include "tests/unit/server/test_daemon.h"

namespace airlock::server {
namespace {

constexpr int kNumbers = 2'000'000;
constexpr auto kLongest = std::chrono::seconds(20);

// A checkpoint whose plan takes more than 20 MB of the broker's memory, and less than 40.
std::string ManyNumbers() {
  fixtures::PickleAssembler pickle;
  pickle.Proto(2).Op("](");
  for (int i = 0; i < kNumbers; ++i) pickle.Op("K").Op(std::string(1, static_cast<char>(i % 100)));
  return fixtures::WriteZip(fixtures::TorchZipShape(pickle.Op("e").Stop(), {}));
}

// A call that has its answer and reads no more of it than the report, which comes when the plan is there.
class SilentReader {
 public:
  SilentReader(const TestDaemon& daemon, const std::string& bytes) : stub_(daemon.NewStub()) {
    stream_ = stub_->Load(&context_);
    Upload(bytes, *stream_);
    v1::LoadResponse first;
    holds_ = stream_->Read(&first) && first.report().outcome() == v1::OUTCOME_OK;
  }
  SilentReader(const SilentReader&) = delete;
  SilentReader& operator=(const SilentReader&) = delete;
  ~SilentReader() {
    context_.TryCancel();
    (void)stream_->Finish();
  }
  bool holds() const { return holds_; }

 private:
  bool holds_ = false;
  std::unique_ptr<v1::Loader::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<LoadStream> stream_;
};

// Until the load ends for this reason, or for as long as it may take.
uint32_t Await(const TestDaemon& daemon, const std::string& bytes, uint32_t wanted) {
  const auto end = std::chrono::steady_clock::now() + kLongest;
  uint32_t reason = daemon.ReasonOf(bytes);
  while (reason != wanted && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    reason = daemon.ReasonOf(bytes);
  }
  return reason;
}

TEST(HeldPlansTest, WhatSlowReadersHoldDoesNotAddUp) {
  const std::string bytes = ManyNumbers();
  const std::string small = fixtures::SampleCheckpoint();
  TestDaemon daemon(
      {"--worker", WORKER, "--minimum-posture", "filter-only", "--log-level", "warn", "--plan-memory", "80000000"});
  ASSERT_TRUE(daemon.Serves());
  ASSERT_EQ(daemon.ReasonOf(bytes), 0U) << "one plan fits";
  {
    const SilentReader silent(daemon, bytes);
    EXPECT_TRUE(silent.holds());
    EXPECT_EQ(Await(daemon, bytes, v1::REASON_QUEUE_FULL), v1::REASON_QUEUE_FULL) << "two do not";
    EXPECT_EQ(daemon.ReasonOf(small), 0U) << "a small one finds room beside it";
  }
  EXPECT_EQ(Await(daemon, bytes, 0), 0U) << "room again when the silent caller is gone";
}

}  // namespace
}  // namespace airlock::server
