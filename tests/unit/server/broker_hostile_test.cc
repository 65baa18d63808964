// Every attack of the hostile worker through a real daemon: each must end within its deadline as one clear verdict, and
// leave neither a process nor a descriptor behind.
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "airlock/v1/loader.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/hostile/attack.h"

namespace airlock::server {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr size_t kMaxCalls = 4;

// A daemon whose workers obey their input, for the whole suite.
class BrokerHostileTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string pattern = testing::TempDir() + "airlock-hostile-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    const std::string socket = "unix:" + (directory_ / "s").string();
    const std::vector<std::string> arguments = {AIRLOCKD,
                                                "--listen",
                                                socket,
                                                "--worker",
                                                HOSTILE_WORKER,
                                                "--minimum-posture",
                                                "filter-only",
                                                "--log-level",
                                                "warn",
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
                                                "memory_bytes=268435456",
                                                "--spool-dir",
                                                directory_.string()};
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ASSERT_EQ(::posix_spawn(&daemon_, AIRLOCKD, nullptr, nullptr, argv.data(), environ), 0);
    channel_ = grpc::CreateChannel(socket, grpc::InsecureChannelCredentials());
    ASSERT_TRUE(channel_->WaitForConnected(std::chrono::system_clock::now() + seconds(30)));
  }

  static void TearDownTestSuite() {
    ::kill(daemon_, SIGTERM);
    int status = 0;
    EXPECT_EQ(::waitpid(daemon_, &status, 0), daemon_);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the broker did not end well: " << status;
    fs::remove_all(directory_);
  }

  // The number of airlock.v1.Reason that the attack ends with; 0 for success.
  static uint32_t ReasonOf(const std::string& bytes, std::string* message = nullptr) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + seconds(30));
    auto stream = v1::Loader::NewStub(channel_)->Load(&context);
    v1::LoadRequest request;
    request.mutable_options()->mutable_source()->mutable_upload()->set_size(bytes.size());
    stream->Write(request);
    request.mutable_chunk()->set_data(bytes);
    request.mutable_chunk()->set_finish(true);
    stream->Write(request);
    stream->WritesDone();
    v1::LoadResponse response;
    while (stream->Read(&response)) {
    }
    const grpc::Status status = stream->Finish();
    if (message != nullptr) *message = status.error_message();
    if (status.ok()) return 0;
    google::rpc::Status details;
    google::rpc::ErrorInfo info;
    if (!details.ParseFromString(status.error_details()) || details.details_size() == 0) return UINT32_MAX;
    details.details(0).UnpackTo(&info);
    v1::Reason reason = v1::REASON_UNSPECIFIED;
    return v1::Reason_Parse("REASON_" + info.reason(), &reason) ? static_cast<uint32_t>(reason) : UINT32_MAX;
  }

  static size_t Count(const fs::path& folder) {
    const auto entries = fs::directory_iterator(folder);
    return static_cast<size_t>(std::distance(fs::begin(entries), fs::end(entries)));
  }
  // The broker is not dumpable: only root may look at its descriptors.
  static size_t Descriptors() { return ::geteuid() == 0 ? Count("/proc/" + std::to_string(daemon_) + "/fd") : 0; }
  static size_t Children() {
    size_t children = 0;
    std::ifstream list("/proc/" + std::to_string(daemon_) + "/task/" + std::to_string(daemon_) + "/children");
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

  static inline fs::path directory_;
  static inline pid_t daemon_ = -1;
  static inline std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(BrokerHostileTest, EveryAttackEndsAsOneVerdictAndNothingIsLeft) {
  ASSERT_EQ(ReasonOf(hostile::CheckpointFor(300)), 0U) << "the control: a worker that tells the truth is believed";
  std::this_thread::sleep_for(seconds(1));
  const size_t descriptors = Descriptors();
  const size_t children = Children();
  for (const hostile::Attack& attack : hostile::AllAttacks()) {
    const auto start = std::chrono::steady_clock::now();
    std::string message;
    const uint32_t reason = ReasonOf(hostile::CheckpointFor(attack.id), &message);
    EXPECT_TRUE(std::find(attack.reasons.begin(), attack.reasons.end(), reason) != attack.reasons.end())
        << attack.id << " " << attack.name << ": reason " << reason << ", " << message;
    EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(8)) << attack.id << " " << attack.name;
    ASSERT_EQ(::waitpid(daemon_, nullptr, WNOHANG), 0) << "the broker died of " << attack.id << " " << attack.name;
  }
  EXPECT_EQ(ReasonOf(hostile::CheckpointFor(300)), 0U) << "the broker still serves";
  EXPECT_EQ(AtRest(Descriptors, descriptors), descriptors);
  EXPECT_EQ(AtRest(Children, children), children);
}

// A caller that holds calls open without sending: others are turned away at once, and served when it is gone.
TEST_F(BrokerHostileTest, CallsThatAreOnlyHeldOpenDoNotAddUp) {
  {
    std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
    std::vector<std::unique_ptr<grpc::ClientReaderWriter<v1::LoadRequest, v1::LoadResponse>>> held;
    v1::LoadRequest request;
    request.mutable_options()->mutable_source()->mutable_upload()->set_size(1000);
    for (size_t i = 0; i < kMaxCalls; ++i) {
      contexts.push_back(std::make_unique<grpc::ClientContext>());
      held.push_back(v1::Loader::NewStub(channel_)->Load(contexts.back().get()));
      ASSERT_TRUE(held.back()->Write(request));
    }
    const auto reason = [] { return ReasonOf(hostile::CheckpointFor(300)); };
    EXPECT_EQ(AtRest(reason, v1::REASON_QUEUE_FULL), v1::REASON_QUEUE_FULL);
    for (size_t i = 0; i < kMaxCalls; ++i) {
      contexts[i]->TryCancel();
      (void)held[i]->Finish();
    }
  }
  EXPECT_EQ(AtRest([] { return ReasonOf(hostile::CheckpointFor(300)); }, 0), 0U);
}

}  // namespace
}  // namespace airlock::server
