// Callers who read faster than the disk: those who come after them have their turn all the same.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "tests/fixtures/torch_writer.h"
#include "tests/unit/server/test_daemon.h"

namespace airlock::server {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

// More than the daemon has threads, for loads and for files.
constexpr int kReaders = 8;
// Some hundred pieces: each reader keeps the disk busy for longer than kPatience.
constexpr int64_t kNumbers = 24 << 20;
constexpr seconds kPatience{4};

// A folder with a file in it that is gone when this is.
class LargeFile {
 public:
  LargeFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "airlock-test-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    const fixtures::StorageSpec storage = {.key = "0", .numel = kNumbers, .bytes = std::string(4 * kNumbers, '\0')};
    const fixtures::TensorSpec tensor = {.name = "a", .shape = {kNumbers}, .stride = {1}};
    const std::string pickle = fixtures::PickleStateDict({tensor}, {storage}, false);
    std::ofstream(path()) << fixtures::WriteZip(fixtures::TorchZipShape(pickle, {storage}));
  }
  LargeFile(const LargeFile&) = delete;
  LargeFile& operator=(const LargeFile&) = delete;
  ~LargeFile() { std::filesystem::remove_all(folder_); }

  std::string folder() const { return folder_.string(); }
  std::string path() const { return (folder_ / "large.pt").string(); }

 private:
  std::filesystem::path folder_;
};

// A call that reads as fast as it can.
class Reader {
 public:
  Reader(const TestDaemon& daemon, const std::string& path) : stub_(daemon.NewStub()), stream_(stub_->Load(&context_)) {
    v1::LoadRequest request;
    request.mutable_options()->mutable_source()->set_path(path);
    stream_->Write(request);
    stream_->WritesDone();
    thread_ = std::thread([this] { ReadAll(); });
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    context_.TryCancel();
    thread_.join();
    (void)stream_->Finish();
  }
  bool has_data() const { return has_data_; }
  bool at_end() const { return at_end_; }

 private:
  void ReadAll() {
    v1::LoadResponse response;
    while (stream_->Read(&response)) has_data_ = has_data_ || !response.data().empty();
    at_end_ = true;
  }

  const std::unique_ptr<v1::Loader::Stub> stub_;
  grpc::ClientContext context_;
  const std::unique_ptr<LoadStream> stream_;
  std::atomic<bool> has_data_ = false;
  std::atomic<bool> at_end_ = false;
  std::thread thread_;
};

TEST(FairTurnsTest, WhoReadsFasterThanTheDiskHoldsUpNobody) {
#ifdef AIRLOCK_SANITIZED
  GTEST_SKIP() << "a sanitizer's runtime must be loaded first";
#endif
  const LargeFile large;
  const std::string small = fixtures::SampleCheckpoint();
  ::setenv("LD_PRELOAD", SLOW_READS, 1);
  const TestDaemon daemon(
      {"--worker", WORKER, "--minimum-posture", "filter-only", "--log-level", "warn", "--root", large.folder()});
  ::unsetenv("LD_PRELOAD");
  ASSERT_TRUE(daemon.Serves());
  std::list<Reader> readers;
  for (int i = 0; i < kReaders; ++i) readers.emplace_back(daemon, large.path());
  const auto busy = steady_clock::now() + seconds(30);
  while (!std::all_of(readers.begin(), readers.end(), [](const Reader& reader) { return reader.has_data(); })) {
    ASSERT_LT(steady_clock::now(), busy) << "some reader waits for the others";
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const auto start = steady_clock::now();
  EXPECT_EQ(daemon.ReasonOf(small), 0U);
  EXPECT_LT(steady_clock::now() - start, kPatience);
  for (const Reader& reader : readers) EXPECT_FALSE(reader.at_end()) << "the disk was idle when it counted";
}

}  // namespace
}  // namespace airlock::server
