// Payload through a socket, on the wire, against a real daemon: by the true client, and by callers that misuse it.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "airlock/client.h"
#include "airlock/v1/descriptors.pb.h"
#include "sandbox/base/fd_packet.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/server/test_daemon.h"

namespace airlock::server {
namespace {

constexpr uint64_t kElements = 2 << 20;  // of the large tensor; 8 MiB

// {"a": 3 elements, "b": kElements}; `deflate` both storages, which then must be written.
std::string TwoTensors(bool deflate) {
  const std::vector<fixtures::StorageSpec> storages = {fixtures::FloatStorage("0", 3),
                                                       fixtures::FloatStorage("1", kElements)};
  const std::vector<fixtures::TensorSpec> tensors = {{.name = "a", .storage = 0, .shape = {3}, .stride = {1}},
                                                     {.name = "b", .storage = 1, .shape = {kElements}, .stride = {1}}};
  fixtures::ZipShape shape = fixtures::TorchZipShape(fixtures::PickleStateDict(tensors, storages, false), storages);
  for (fixtures::ZipPart& part : shape.parts) {
    if (part.name.find("/data/") != std::string::npos) part.deflate = deflate;
  }
  return fixtures::WriteZip(shape);
}

struct Opened {
  std::string ticket;
  Fd socket;
};

Opened OpenPayload(const TestDaemon& daemon) {
  const Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, daemon.fd_socket().c_str(), sizeof(address.sun_path) - 1);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  v1::FdRequest request;
  (void)request.mutable_open_payload();
  EXPECT_TRUE(SendPacket(socket.get(), request.SerializeAsString(), {}, 0));
  FdPacket packet;
  EXPECT_EQ(ReceivePacket(socket.get(), 0, &packet), ReceiveStatus::kPacket);
  v1::FdReply reply;
  EXPECT_TRUE(reply.ParseFromString(packet.bytes));
  EXPECT_EQ(packet.fds.size(), 1U);
  return {reply.ticket(), packet.fds.empty() ? Fd() : std::move(packet.fds.front())};
}

class PayloadSocketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(path_, std::ios::binary) << TwoTensors(false);
    std::ofstream(deflated_, std::ios::binary) << TwoTensors(true);
    ASSERT_TRUE(daemon_.Serves());
    stub_ = daemon_.NewStub();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  static std::filesystem::path NewDirectory() {
    std::string name = "/tmp/airlock-test-XXXXXX";
    return ::mkdtemp(name.data());
  }
  ClientResult<Checkpoint> Load(const std::filesystem::path& path, const LoadOptions& options = {}) const {
    auto client = Client::Connect(daemon_.address());
    return client->Load(Source::OnServer(path), options);
  }
  // Begins a load: its answer up to where the payload begins.
  std::optional<uint64_t> Begin(LoadStream& stream, const std::string& ticket) const {
    v1::LoadRequest request;
    request.mutable_options()->mutable_source()->set_path(path_);
    request.mutable_options()->set_payload_ticket(ticket);
    stream.Write(request);
    stream.WritesDone();
    v1::LoadResponse response;
    while (stream.Read(&response)) {
      EXPECT_FALSE(response.has_data());
      if (response.message_case() == v1::LoadResponse::kPayloadSize) return response.payload_size();
    }
    return std::nullopt;
  }

  const std::filesystem::path directory_ = NewDirectory();
  const std::filesystem::path path_ = directory_ / "stored.pt";
  const std::filesystem::path deflated_ = directory_ / "deflated.pt";
  TestDaemon daemon_{{"--worker", WORKER, "--log-level", "off", "--root", directory_, "--stall-seconds", "1"}};
  std::unique_ptr<v1::Loader::Stub> stub_;
};

TEST_F(PayloadSocketTest, TheClientGetsItsTensors) {
  for (const auto& path : {path_, deflated_}) {
    for (const bool verify : {false, true}) {
      LoadOptions options;
      options.verify = verify;
      const auto loaded = Load(path, options);
      ASSERT_TRUE(loaded.ok()) << loaded.error().message;
      const auto storage = loaded->storage(1)->bytes();
      ASSERT_EQ(storage.size(), 4 * kElements);
      for (const uint64_t at : {uint64_t{0}, kElements / 2, kElements - 1}) {
        float value = 0;
        std::memcpy(&value, storage.data() + 4 * at, sizeof(value));
        EXPECT_EQ(value, static_cast<float>(at));
      }
    }
  }
}

TEST_F(PayloadSocketTest, WhatWasNotChosenDoesNotCome) {
  LoadOptions options;
  options.select = {"a"};
  const auto loaded = Load(path_, options);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded->storage(0)->bytes().size(), 12U);
  EXPECT_EQ(loaded->storage(1), nullptr);
}

TEST_F(PayloadSocketTest, TheCallEndsWhenTheCallerHasAll) {
  const Opened opened = OpenPayload(daemon_);
  grpc::ClientContext context;
  const auto stream = stub_->Load(&context);
  const auto size = Begin(*stream, opened.ticket);
  ASSERT_EQ(size, 4 * kElements + 12);
  std::string payload(*size, '\0');
  ASSERT_EQ(::recv(opened.socket.get(), payload.data(), payload.size(), MSG_WAITALL), static_cast<ssize_t>(*size));
  ::shutdown(opened.socket.get(), SHUT_RDWR);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(PayloadSocketTest, ATicketIsGoodForOneLoadAndNoOtherValueIsOne) {
  const Opened opened = OpenPayload(daemon_);
  grpc::ClientContext contexts[3];
  const auto first = stub_->Load(&contexts[0]);
  ASSERT_TRUE(Begin(*first, opened.ticket));
  for (int i = 1; i < 3; ++i) {
    const auto again = stub_->Load(&contexts[i]);
    EXPECT_FALSE(Begin(*again, i == 1 ? opened.ticket : std::string(32, 'x')));
    EXPECT_EQ(again->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
  }
  contexts[0].TryCancel();
  EXPECT_EQ(first->Finish().error_code(), grpc::StatusCode::CANCELLED);
  char byte = 0;
  while (::recv(opened.socket.get(), &byte, 1, 0) == 1) {
  }
}

// Neither bytes, which would keep the daemon awake, nor descriptors, which it would have to close.
TEST_F(PayloadSocketTest, NobodyCanWriteToIt) {
  const Opened opened = OpenPayload(daemon_);
  for (const int flags : {0, int{MSG_OOB}}) {
    EXPECT_LT(::send(opened.socket.get(), "x", 1, flags | MSG_NOSIGNAL), 0);
    EXPECT_EQ(errno, EPIPE);
  }
  const int descriptor = opened.socket.get();
  EXPECT_FALSE(SendPacket(opened.socket.get(), "x", {&descriptor, 1}, 0));
}

TEST_F(PayloadSocketTest, WhoDoesNotReadIsGivenUp) {
  const Opened opened = OpenPayload(daemon_);
  grpc::ClientContext context;
  const auto stream = stub_->Load(&context);
  ASSERT_TRUE(Begin(*stream, opened.ticket));
  EXPECT_FALSE(stream->Finish().ok());
  EXPECT_TRUE(Load(path_).ok()) << "nobody else is served";
}

TEST_F(PayloadSocketTest, AFileThatChangesOnItsWayIsAnError) {
  const Opened opened = OpenPayload(daemon_);
  grpc::ClientContext context;
  const auto stream = stub_->Load(&context);
  ASSERT_TRUE(Begin(*stream, opened.ticket));
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  char bytes[4096];
  while (::recv(opened.socket.get(), bytes, sizeof(bytes), 0) > 0) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DATA_LOSS);
}

}  // namespace
}  // namespace airlock::server
