// Callers that ask for much and read nothing: what the broker keeps for them together is bounded.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/fixtures/torch_writer.h"
#include "tests/unit/server/test_daemon.h"

namespace airlock::server {
namespace {

constexpr int kNumbers = 2'000'000;
constexpr int kFolderFiles = 250;
constexpr auto kLongest = std::chrono::seconds(20);

// A checkpoint whose plan takes 26 MB of the broker's memory.
std::string ManyNumbers() {
  fixtures::PickleAssembler pickle;
  pickle.Proto(2).Op("](");
  // Large enough to be a node each.
  for (int i = 0; i < kNumbers; ++i) pickle.Op("M").Little(static_cast<uint16_t>(1000 + i % 100));
  return fixtures::WriteZip(fixtures::TorchZipShape(pickle.Op("e").Stop(), {}));
}

// A folder with as many files as a set may have, of which one is a checkpoint of more bytes than anybody sends ahead.
// Gone when this is.
class FullFolder {
 public:
  FullFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "airlock-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
    constexpr int64_t kElements = 8 << 20;
    const fixtures::StorageSpec storage = {.key = "0", .numel = kElements, .bytes = std::string(4 * kElements, '\0')};
    const fixtures::TensorSpec tensor = {.name = "a", .shape = {kElements}, .stride = {1}};
    const std::string pickle = fixtures::PickleStateDict({tensor}, {storage}, false);
    std::ofstream(path_ / "model.pt") << fixtures::WriteZip(fixtures::TorchZipShape(pickle, {storage}));
    for (int i = 1; i < kFolderFiles; ++i) std::ofstream(path_ / std::to_string(i)) << "x";
  }
  FullFolder(const FullFolder&) = delete;
  FullFolder& operator=(const FullFolder&) = delete;
  ~FullFolder() { std::filesystem::remove_all(path_); }

  std::string path() const { return path_.string(); }
  v1::Source Source() const {
    v1::Source source;
    source.set_path(path());
    source.set_member("model.pt");
    return source;
  }

 private:
  std::filesystem::path path_;
};

// A call that has its answer and reads no more of it than the report, which comes when the plan is there.
class SilentReader {
 public:
  SilentReader(const TestDaemon& daemon, const std::string& bytes)
      : SilentReader(daemon, [&](LoadStream& stream) { Upload(bytes, stream); }) {}
  SilentReader(const TestDaemon& daemon, const v1::Source& source)
      : SilentReader(daemon, [&](LoadStream& stream) {
          v1::LoadRequest request;
          *request.mutable_options()->mutable_source() = source;
          stream.Write(request);
        }) {}
  SilentReader(const TestDaemon& daemon, const std::function<void(LoadStream&)>& send) : stub_(daemon.NewStub()) {
    stream_ = stub_->Load(&context_);
    send(*stream_);
    v1::LoadResponse first;
    holds_ = stream_->Read(&first) && first.report().outcome() == v1::OUTCOME_OK;
    reason_ = first.report().failure().reason();
  }
  SilentReader(const SilentReader&) = delete;
  SilentReader& operator=(const SilentReader&) = delete;
  ~SilentReader() {
    context_.TryCancel();
    (void)stream_->Finish();
  }
  bool holds() const { return holds_; }
  v1::Reason reason() const { return reason_; }

 private:
  bool holds_ = false;
  v1::Reason reason_ = v1::REASON_UNSPECIFIED;
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
      {"--worker", WORKER, "--minimum-posture", "filter-only", "--log-level", "warn", "--plan-memory", "40000000"});
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

TEST(HeldFilesTest, FoldersOfSlowReadersLeaveDescriptorsForOthers) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  // Room for two folders, if nothing else had to be open.
  const rlimit low{600, 600};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const FullFolder folder;
  const TestDaemon daemon(
      {"--worker", WORKER, "--minimum-posture", "filter-only", "--log-level", "warn", "--root", folder.path()});
  ASSERT_TRUE(daemon.Serves());
  {
    const SilentReader silent(daemon, folder.Source());
    EXPECT_TRUE(silent.holds()) << silent.reason();
    EXPECT_EQ(SilentReader(daemon, folder.Source()).reason(), v1::REASON_QUEUE_FULL);
    EXPECT_EQ(daemon.ReasonOf(fixtures::SampleCheckpoint()), 0U) << "others have theirs";
  }
  const auto end = std::chrono::steady_clock::now() + kLongest;
  bool again = false;
  while (!again && std::chrono::steady_clock::now() < end) again = SilentReader(daemon, folder.Source()).holds();
  EXPECT_TRUE(again) << "room again when the silent caller is gone";
}

}  // namespace
}  // namespace airlock::server
