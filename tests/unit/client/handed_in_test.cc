// What a client makes of a daemon that it can hand descriptors to, and get them from: one that is none.
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <thread>

#include "airlock/client.h"
#include "airlock/v1/loader.grpc.pb.h"
#include "client/cpp/fd_socket.h"
#include "sandbox/base/fd_packet.h"
#include "tests/unit/client/graph_file_maker.h"
#include "tests/unit/client/plan_maker.h"

namespace airlock {
namespace {

using testing::GraphFileMaker;
using testing::PlanMaker;

// Takes what is put in, and gives one file for any ticket; a failure where it has none. Of payload it knows nothing.
class FakeFdSocket {
 public:
  explicit FakeFdSocket(const std::string& path) : listener_(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path.c_str(), path.size() + 1);
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_.get(), 1), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeFdSocket() {
    shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  FakeFdSocket(const FakeFdSocket&) = delete;
  FakeFdSocket& operator=(const FakeFdSocket&) = delete;

  // Borrowed; none: -1.
  std::atomic<int> file = -1;
  std::atomic<int> taken = 0;

 private:
  void Serve() {
    const Fd caller(accept(listener_.get(), nullptr, nullptr));
    FdPacket packet;
    while (caller && ReceivePacket(caller.get(), 0, &packet) == ReceiveStatus::kPacket) {
      v1::FdRequest request;
      EXPECT_TRUE(request.ParseFromString(packet.bytes));
      v1::FdReply reply;
      std::vector<int> fds;
      taken += request.has_take() ? 1 : 0;
      if (request.has_put()) {
        reply.set_ticket("input");
      } else if (request.has_take() && file >= 0) {
        reply.set_size(0);
        fds.push_back(file);
      } else {
        reply.mutable_failure()->set_reason(v1::REASON_NO_SUCH_TICKET);
      }
      EXPECT_TRUE(SendPacket(caller.get(), reply.SerializeAsString(), fds, 0));
    }
  }

  const Fd listener_;
  std::thread thread_;
};

class FakeLoader : public v1::Loader::Service {
 public:
  grpc::Status Inspect(grpc::ServerContext*,
                       grpc::ServerReaderWriter<v1::InspectResponse, v1::InspectRequest>* stream) override {
    return Answer<v1::InspectRequest, v1::InspectResponse>(stream);
  }
  grpc::Status Load(grpc::ServerContext*,
                    grpc::ServerReaderWriter<v1::LoadResponse, v1::LoadRequest>* stream) override {
    return Answer<v1::LoadRequest, v1::LoadResponse>(stream);
  }

  PlanMaker maker;
  std::optional<GraphFileMaker> file;

 private:
  template <typename Request, typename Response, typename Stream>
  grpc::Status Answer(Stream* stream) {
    Request request;
    stream->Read(&request);
    const bool asked = request.options().graph_file();
    EXPECT_EQ(asked, request.options().source().has_ticket());
    Response response;
    *response.mutable_report() = maker.Report();
    stream->Write(response);
    *response.mutable_plan() = maker.plan;
    if (asked) response.mutable_plan()->clear_graph();
    stream->Write(response);
    if (asked) {
      *response.mutable_graph_file() = file->message;
      stream->Write(response);
    }
    if constexpr (std::is_same_v<Response, v1::LoadResponse>) {
      response.set_output_ticket("");
      if (asked) stream->Write(response);
    }
    return grpc::Status::OK;
  }
};

class HandedInTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    std::ofstream(directory_ + "/f") << "x";
    loader_.maker.Items(v1::NODE_KIND_LIST, {1});
    loader_.maker.String("text");
    loader_.file.emplace(loader_.maker.plan.graph());
    fd_socket_.emplace(directory_ + "/s.fd");
    fd_socket_->file = loader_.file->file.get();
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + directory_ + "/s", grpc::InsecureServerCredentials());
    builder.RegisterService(&loader_);
    server_ = builder.BuildAndStart();
    auto client = Client::Connect("unix:" + directory_ + "/s");
    ASSERT_TRUE(client.ok());
    client_.emplace(std::move(client).value());
  }
  void TearDown() override {
    client_.reset();
    server_->Shutdown();
    fd_socket_.reset();
    for (const char* name : {"/s", "/s.fd", "/f"}) unlink((directory_ + name).c_str());
    rmdir(directory_.c_str());
  }

  std::string directory_ = "/tmp/airlock-test-XXXXXX";
  FakeLoader loader_;
  std::optional<FakeFdSocket> fd_socket_;
  std::unique_ptr<grpc::Server> server_;
  std::optional<Client> client_;
};

class IgnoringSink : public StorageSink {
 public:
  ClientResult<void> Plan(const std::shared_ptr<const Contents>& contents) override {
    text = contents->graph().Text(1);
    return {};
  }
  ClientResult<void> Data(uint32_t, uint64_t, std::string_view) override { return {}; }
  ClientResult<void> End(uint32_t) override { return {}; }
  std::string text;
};

TEST_F(HandedInTest, TheGraphComesAsAFile) {
  loader_.file->Seal();
  const Source source = Source::File(directory_ + "/f");
  const auto contents = client_->Inspect(source);
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  EXPECT_EQ((*contents)->graph().Text(1), "text");
  const auto checkpoint = client_->Load(source);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->contents().graph().Text(1), "text");
  IgnoringSink sink;
  ASSERT_TRUE(client_->Load(source, {}, sink).ok());
  EXPECT_EQ(sink.text, "text");
  EXPECT_EQ(fd_socket_->taken, 3);
}

TEST_F(HandedInTest, OfWhatIsNotHandedInNoFileIsAskedFor) {
  EXPECT_TRUE(client_->Inspect(Source::OnServer("/x")).ok());
  LoadOptions options;
  options.delivery = v1::DELIVERY_STREAM;
  EXPECT_TRUE(client_->Load(Source::OnServer("/x"), options).ok());
  EXPECT_EQ(fd_socket_->taken, 0);
}

TEST_F(HandedInTest, AFileThatCanStillChangeIsNotMapped) {
  const Source source = Source::File(directory_ + "/f");
  int seals = 0;
  for (const int more : {0, F_SEAL_SHRINK, F_SEAL_GROW}) {
    seals |= more;
    loader_.file->Seal(seals);
    const auto contents = client_->Inspect(source);
    ASSERT_FALSE(contents.ok()) << seals;
    EXPECT_EQ(contents.error().message, "the daemon's memory file is not sealed");
  }
  loader_.file->Seal(F_SEAL_WRITE);
  EXPECT_TRUE(client_->Inspect(source).ok());
}

TEST_F(HandedInTest, ATicketThatIsGoneIsAnError) {
  fd_socket_->file = -1;
  const auto contents = client_->Inspect(Source::File(directory_ + "/f"));
  ASSERT_FALSE(contents.ok());
  EXPECT_EQ(contents.error().reason, v1::REASON_NO_SUCH_TICKET);
  const auto loaded = client_->Load(Source::File(directory_ + "/f"));
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().reason, v1::REASON_NO_SUCH_TICKET);
}

}  // namespace
}  // namespace airlock
