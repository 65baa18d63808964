// The client against a daemon that is none: what arrives, and what it makes of answers that break off.
#include "airlock/client.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>

#include "airlock/v1/loader.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/unit/client/plan_maker.h"

namespace airlock {
namespace {

using LoadStream = grpc::ServerReaderWriter<v1::LoadResponse, v1::LoadRequest>;

class FakeLoader : public v1::Loader::Service {
 public:
  grpc::Status Load(grpc::ServerContext*, LoadStream* stream) override {
    const std::lock_guard lock(mutex_);
    return on_load(stream);
  }
  // Between the test and what it gave the loader to do: gRPC's own hand-over is none that ThreadSanitizer sees.
  void HandOver() { const std::lock_guard lock(mutex_); }
  std::function<grpc::Status(LoadStream*)> on_load;

 private:
  std::mutex mutex_;
};

class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    Serve();
    auto client = Client::Connect("unix:" + directory_ + "/s");
    ASSERT_TRUE(client.ok());
    client_.emplace(std::move(client).value());
    maker_.Dict({1, 2});
    maker_.String("w");
    maker_.Link(v1::NODE_KIND_TENSOR, 0);
    maker_.Storage(0);
    maker_.Tensor(maker_.Storage(4), v1::DTYPE_UINT8, {4}, {1});
    maker_.Storage(2);
    maker_.Entry("w", 0);
  }
  void Serve() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + directory_ + "/s", grpc::InsecureServerCredentials());
    builder.RegisterService(&loader_);
    server_ = builder.BuildAndStart();
  }
  // As a daemon that ends: its socket is gone, too.
  void StopServing() {
    server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
    unlink((directory_ + "/s").c_str());
  }
  void TearDown() override {
    server_->Shutdown();
    unlink((directory_ + "/s").c_str());
    unlink((directory_ + "/f").c_str());
    rmdir(directory_.c_str());
  }

  void SendPlan(LoadStream* stream) const {
    v1::LoadResponse response;
    *response.mutable_report() = maker_.Report();
    stream->Write(response);
    *response.mutable_plan() = maker_.plan;
    stream->Write(response);
  }
  static void SendData(LoadStream* stream, const std::string& data) {
    v1::LoadResponse response;
    response.set_data(data);
    stream->Write(response);
  }
  static grpc::Status Failure(const char* reason) {
    google::rpc::ErrorInfo info;
    info.set_domain("airlock.dev");
    info.set_reason(reason);
    google::rpc::Status rich;
    rich.add_details()->PackFrom(info);
    return {grpc::StatusCode::INVALID_ARGUMENT, "why", rich.SerializeAsString()};
  }
  ClientResult<Checkpoint> Load(const Source& source = Source::OnServer("/x"), const LoadOptions& options = {}) {
    loader_.HandOver();
    auto loaded = client_->Load(source, options);
    loader_.HandOver();
    return loaded;
  }

  std::string directory_ = "/tmp/airlock-test-XXXXXX";
  testing::PlanMaker maker_;
  FakeLoader loader_;
  std::unique_ptr<grpc::Server> server_;
  std::optional<Client> client_;
};

TEST_F(ClientTest, DataIsCutAtStoragesWhereverMessagesEnd) {
  for (size_t cut = 0; cut <= 6; ++cut) {
    loader_.on_load = [&](LoadStream* stream) {
      SendPlan(stream);
      SendData(stream, std::string("abcdef").substr(0, cut));
      SendData(stream, std::string("abcdef").substr(cut));
      return grpc::Status::OK;
    };
    const auto checkpoint = Load();
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
    const auto tensor = checkpoint->Find("w");
    ASSERT_TRUE(tensor.has_value());
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(tensor->data), 4), "abcd");
    EXPECT_EQ(checkpoint->storage(2)->bytes().size(), 2U);
  }
}

TEST_F(ClientTest, AnAnswerThatBreaksOffIsAnError) {
  for (int sent = 0; sent < 4; ++sent) {
    loader_.on_load = [&](LoadStream* stream) {
      if (sent == 1) {
        v1::LoadResponse report;
        *report.mutable_report() = maker_.Report();
        stream->Write(report);
      }
      if (sent >= 2) SendPlan(stream);
      if (sent == 3) SendData(stream, "abcde");
      return grpc::Status::OK;
    };
    const auto checkpoint = Load();
    ASSERT_FALSE(checkpoint.ok()) << sent;
    EXPECT_EQ(checkpoint.error().outcome, v1::OUTCOME_INTERNAL);
    EXPECT_EQ(checkpoint.error().exit_code, 70);
  }
}

TEST_F(ClientTest, MoreDataThanAnnouncedIsAnError) {
  loader_.on_load = [&](LoadStream* stream) {
    SendPlan(stream);
    SendData(stream, "abcdefg");
    return grpc::Status::OK;
  };
  EXPECT_FALSE(Load().ok());
}

TEST_F(ClientTest, ErrorDetailsNameTheReason) {
  loader_.on_load = [&](LoadStream* stream) {
    v1::LoadResponse response;
    response.mutable_report()->set_verdict(v1::VERDICT_DANGEROUS);
    response.mutable_report()->set_outcome(v1::OUTCOME_REFUSED);
    response.mutable_report()->mutable_failure()->set_reason(v1::REASON_DANGEROUS_CONTENT);
    response.mutable_report()->mutable_failure()->set_message("calls os.system");
    stream->Write(response);
    return Failure("DANGEROUS_CONTENT");
  };
  const auto refused = Load();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason, v1::REASON_DANGEROUS_CONTENT);
  EXPECT_EQ(refused.error().exit_code, 1);
  EXPECT_EQ(refused.error().message, "calls os.system");
  EXPECT_EQ(refused.error().verdict(), v1::VERDICT_DANGEROUS);

  loader_.on_load = [](LoadStream*) { return Failure("QUEUE_FULL"); };
  EXPECT_EQ(Load().error().exit_code, 69);
  loader_.on_load = [](LoadStream*) { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone"); };
  EXPECT_EQ(Load().error().exit_code, 69);
  loader_.on_load = [](LoadStream*) { return grpc::Status(grpc::StatusCode::UNKNOWN, "?"); };
  EXPECT_EQ(Load().error().exit_code, 70);
}

// What breaks off behind its payload would have run it.
TEST_F(ClientTest, ABrokenFileThatIsDangerousIsUnsafe) {
  v1::Verdict verdict = v1::VERDICT_DANGEROUS;
  loader_.on_load = [&](LoadStream* stream) {
    v1::LoadResponse response;
    response.mutable_report()->set_verdict(verdict);
    response.mutable_report()->set_outcome(v1::OUTCOME_MALFORMED);
    response.mutable_report()->mutable_failure()->set_reason(v1::REASON_TRUNCATED);
    stream->Write(response);
    response.mutable_plan()->add_symbols()->set_name("system");
    stream->Write(response);
    return Failure("TRUNCATED");
  };
  const auto dangerous = Load();
  ASSERT_FALSE(dangerous.ok());
  EXPECT_EQ(dangerous.error().reason, v1::REASON_TRUNCATED);
  EXPECT_EQ(dangerous.error().outcome, v1::OUTCOME_MALFORMED);
  EXPECT_EQ(dangerous.error().verdict(), v1::VERDICT_DANGEROUS);
  EXPECT_EQ(dangerous.error().exit_code, 1);
  EXPECT_EQ(dangerous.error().seen->symbols().size(), 1U);
  verdict = v1::VERDICT_MALFORMED;
  EXPECT_EQ(Load().error().exit_code, 2);
}

TEST_F(ClientTest, OfAStorageThatWasLeftOutNothingComes) {
  maker_.Storage(100, v1::PLACE_LEFT_OUT);
  maker_.Tensor(3, v1::DTYPE_UINT8, {100}, {1});
  maker_.Entry("left", 1);
  maker_.Storage(3);
  std::string select;
  loader_.on_load = [&](LoadStream* stream) {
    v1::LoadRequest request;
    stream->Read(&request);
    select = request.options().select(0);
    SendPlan(stream);
    SendData(stream, "abcdefghi");
    return grpc::Status::OK;
  };
  LoadOptions options;
  options.select = {"w*"};
  const auto checkpoint = Load(Source::OnServer("/x"), options);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
  EXPECT_EQ(select, "w*");
  EXPECT_EQ(checkpoint->storage(3), nullptr);
  EXPECT_EQ(checkpoint->Find("left")->data, nullptr);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(checkpoint->storage(4)->bytes().data()), 3), "ghi");
}

// The daemon may have been another one when it was asked what walls it has.
TEST_F(ClientTest, WhatCameFromBehindTooFewWallsIsNotHandedOut) {
  v1::Posture posture = v1::POSTURE_NESTED;
  loader_.on_load = [&](LoadStream* stream) {
    v1::LoadResponse response;
    *response.mutable_report() = maker_.Report();
    response.mutable_report()->set_posture(posture);
    stream->Write(response);
    *response.mutable_plan() = maker_.plan;
    stream->Write(response);
    SendData(stream, "abcdef");
    return grpc::Status::OK;
  };
  LoadOptions options;
  options.minimum_posture = v1::POSTURE_NESTED;
  EXPECT_TRUE(Load(Source::OnServer("/x"), options).ok());
  options.minimum_posture = v1::POSTURE_FULL;
  for (const v1::Posture below : {v1::POSTURE_NESTED, v1::POSTURE_FILTER_ONLY, v1::POSTURE_UNSPECIFIED}) {
    posture = below;
    const auto refused = Load(Source::OnServer("/x"), options);
    ASSERT_FALSE(refused.ok()) << below;
    EXPECT_EQ(refused.error().exit_code, 78);
    EXPECT_EQ(refused.error().seen, nullptr);
  }
}

TEST_F(ClientTest, ATicketThatNobodyAskedForIsAnError) {
  loader_.on_load = [&](LoadStream* stream) {
    SendPlan(stream);
    v1::LoadResponse response;
    response.set_output_ticket("");
    stream->Write(response);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Load().error().outcome, v1::OUTCOME_INTERNAL);
}

TEST_F(ClientTest, MappedOrNothing) {
  LoadOptions options;
  options.delivery = v1::DELIVERY_MAPPED;
  std::ofstream(directory_ + "/f") << "x";
  EXPECT_EQ(client_->Load(Source::File(directory_ + "/f"), options).error().exit_code, 69) << "there is no fd socket";
  EXPECT_EQ(client_->Load(Source::OnServer("/x"), options).error().exit_code, 64);
}

TEST_F(ClientTest, UploadsTheFileWithItsFinishMarker) {
  const std::string path = directory_ + "/f";
  std::string bytes(1'300'000, 'x');
  bytes.back() = 'y';
  std::ofstream(path, std::ios::binary) << bytes;
  std::string received;
  int finishes = 0;
  loader_.on_load = [&](LoadStream* stream) {
    v1::LoadRequest request;
    stream->Read(&request);
    EXPECT_EQ(request.options().source().upload().size(), bytes.size());
    EXPECT_EQ(request.options().source().upload().name(), "f");
    while (stream->Read(&request)) {
      EXPECT_EQ(finishes, 0);
      received += request.chunk().data();
      finishes += request.chunk().finish() ? 1 : 0;
    }
    SendPlan(stream);
    SendData(stream, "abcdef");
    return grpc::Status::OK;
  };
  EXPECT_TRUE(Load(Source::File(path)).ok());
  EXPECT_TRUE(received == bytes);
  EXPECT_EQ(finishes, 1);
}

// What was sent before is of another file than what comes.
TEST_F(ClientTest, AFileThatChangesWhileItIsSentIsAnError) {
  const std::string path = directory_ + "/f";
  std::ofstream(path, std::ios::binary) << std::string(4'000'000, 'x');
  bool finished = false;
  loader_.on_load = [&](LoadStream* stream) {
    v1::LoadRequest request;
    while (stream->Read(&request)) finished |= request.chunk().finish();
    return grpc::Status::OK;
  };
  LoadOptions options;
  bool changed = false;
  options.progress = [&](uint64_t sent, uint64_t /*of*/, uint64_t /*received*/, uint64_t /*of*/) {
    if (sent > 0 && !changed) std::ofstream(path, std::ios::in | std::ios::binary) << "changed";
    changed |= sent > 0;
  };
  EXPECT_EQ(Load(Source::File(path), options).error().reason, v1::REASON_INPUT_CHANGED);
  EXPECT_TRUE(changed);
  EXPECT_FALSE(finished);
}

// Without a bound gRPC waits longer and longer: after as many calls as here, for seconds.
TEST_F(ClientTest, ADaemonThatComesBackIsFound) {
  constexpr std::chrono::milliseconds kOften{50};
  constexpr std::chrono::seconds kDown{6};
  constexpr std::chrono::seconds kPatience{1};
  loader_.on_load = [&](LoadStream* stream) {
    SendPlan(stream);
    SendData(stream, "abcdef");
    return grpc::Status::OK;
  };
  ASSERT_TRUE(Load().ok());
  StopServing();
  const auto ask_until = [&](std::chrono::steady_clock::time_point end) {
    bool answered = false;
    for (; !answered && std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(kOften)) {
      answered = Load().ok();
    }
    return answered;
  };
  EXPECT_FALSE(ask_until(std::chrono::steady_clock::now() + kDown));
  Serve();
  EXPECT_TRUE(ask_until(std::chrono::steady_clock::now() + kPatience));
}

TEST_F(ClientTest, WhatIsNoFileNeverReachesTheDaemon) {
  loader_.on_load = [](LoadStream*) {
    ADD_FAILURE();
    return grpc::Status::OK;
  };
  EXPECT_EQ(Load(Source::File(directory_ + "/none")).error().exit_code, 66);
  EXPECT_EQ(Load(Source::File(directory_)).error().message, "a directory, not a file");
  ASSERT_EQ(mkfifo((directory_ + "/f").c_str(), 0600), 0);
  EXPECT_EQ(Load(Source::File(directory_ + "/f")).error().message, "a FIFO, not a file");
}

TEST_F(ClientTest, CancelEndsWhatRuns) {
  loader_.on_load = [&](LoadStream* stream) {
    client_->Cancel();
    v1::LoadRequest request;
    while (stream->Read(&request)) {
    }
    SendPlan(stream);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Load().error().outcome, v1::OUTCOME_CANCELLED);
  EXPECT_EQ(Load().error().outcome, v1::OUTCOME_CANCELLED);
}

TEST(Connect, RefusesWhatIsNoAddress) {
  for (const char* address :
       {"", "localhost:1", "unix:relative", "dns:///host", "dns:///example.org:443", "http://x:1",
        "dns:///127.example.org:443", "dns:///localhost.example.org:443", "dns:///1270000000:443"}) {
    const auto client = Client::Connect(address);
    ASSERT_FALSE(client.ok()) << address;
    EXPECT_EQ(client.error().exit_code, 64) << address;
  }
  for (const char* address : {"dns:///localhost:50051", "dns:///127.0.0.1:50051", "dns:///[::1]:50051"}) {
    EXPECT_TRUE(Client::Connect(address).ok()) << address;
  }
}

}  // namespace
}  // namespace airlock
