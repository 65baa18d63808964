// Mapped delivery on the wire, against a real daemon: tickets in, a plan and a sealed file out, and no data.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "airlock/v1/descriptors.pb.h"
#include "sandbox/base/fd_packet.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/server/test_daemon.h"
#include "tests/unit/server/written_graph.h"

namespace airlock::server {
namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

// {"a": 4 elements, "b": 6 elements}; `deflate` both storages, which then must be written.
std::string TwoTensors(bool deflate) {
  const std::vector<fixtures::StorageSpec> storages = {fixtures::FloatStorage("0", 4), fixtures::FloatStorage("1", 6)};
  const std::vector<fixtures::TensorSpec> tensors = {{.name = "a", .storage = 0, .shape = {4}, .stride = {1}},
                                                     {.name = "b", .storage = 1, .shape = {6}, .stride = {1}}};
  fixtures::ZipShape shape = fixtures::TorchZipShape(fixtures::PickleStateDict(tensors, storages, false), storages);
  for (fixtures::ZipPart& part : shape.parts) {
    if (part.name.find("/data/") != std::string::npos) part.deflate = deflate;
  }
  return fixtures::WriteZip(shape);
}

Fd ReadOnly(const std::string& bytes) {
  const Fd memory(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::write(memory.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return Fd(::open(("/proc/self/fd/" + std::to_string(memory.get())).c_str(), O_RDONLY | O_CLOEXEC));
}

struct Answered {
  v1::FdReply reply;
  std::vector<Fd> fds;
};

Answered Ask(const TestDaemon& daemon, const v1::FdRequest& request, const std::vector<int>& fds) {
  const Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, daemon.fd_socket().c_str(), sizeof(address.sun_path) - 1);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_TRUE(SendPacket(socket.get(), request.SerializeAsString(), fds, 0));
  FdPacket packet;
  EXPECT_EQ(ReceivePacket(socket.get(), 0, &packet), ReceiveStatus::kPacket);
  Answered answered;
  EXPECT_TRUE(answered.reply.ParseFromString(packet.bytes));
  answered.fds = std::move(packet.fds);
  return answered;
}

std::string Put(const TestDaemon& daemon, const std::string& bytes) {
  const Fd fd = ReadOnly(bytes);
  v1::FdRequest request;
  request.mutable_put()->add_files()->set_size(bytes.size());
  return Ask(daemon, request, {fd.get()}).reply.ticket();
}

Answered Take(const TestDaemon& daemon, const std::string& ticket) {
  v1::FdRequest request;
  request.mutable_take()->set_ticket(ticket);
  return Ask(daemon, request, {});
}

struct Loaded {
  grpc::Status status;
  v1::Report report;
  v1::PlanChunk plan;
  v1::GraphColumns graph;
  std::vector<v1::GraphFile> graph_files;
  std::optional<std::string> ticket;
  size_t data = 0;
};

// A list of so many numbers.
std::string Numbers(uint32_t count) {
  std::string pickle = "\x80\x02](";
  for (uint32_t i = 0; i < count; ++i) (pickle += 'J').append(reinterpret_cast<const char*>(&i), sizeof(i));
  return pickle + "e.";
}

v1::LoadOptions OptionsFor(const std::string& ticket) {
  v1::LoadOptions options;
  options.mutable_source()->set_ticket(ticket);
  return options;
}

Loaded Load(v1::Loader::Stub& stub, const v1::LoadOptions& options) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const auto stream = stub.Load(&context);
  v1::LoadRequest request;
  *request.mutable_options() = options;
  stream->Write(request);
  stream->WritesDone();
  Loaded loaded;
  v1::LoadResponse response;
  while (stream->Read(&response)) {
    if (response.has_report()) loaded.report = response.report();
    if (response.has_plan()) {
      const std::string kinds = loaded.graph.kinds() + response.plan().graph().kinds();
      loaded.graph.MergeFrom(response.plan().graph());
      loaded.graph.set_kinds(kinds);
      loaded.plan.MergeFrom(response.plan());
    }
    if (response.has_graph_file()) loaded.graph_files.push_back(response.graph_file());
    if (response.has_output_ticket()) loaded.ticket = response.output_ticket();
    loaded.data += response.data().size();
  }
  loaded.status = stream->Finish();
  return loaded;
}

class MappedLoadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(daemon_.Serves());
    stub_ = daemon_.NewStub();
  }
  TestDaemon daemon_{{"--worker", WORKER, "--log-level", "off"}};
  std::unique_ptr<v1::Loader::Stub> stub_;
};

TEST_F(MappedLoadTest, StoredTensorsAreSpansOfTheInputAndNothingElseComes) {
  const std::string file = TwoTensors(false);
  const Loaded loaded = Load(*stub_, OptionsFor(Put(daemon_, file)));
  ASSERT_TRUE(loaded.status.ok()) << loaded.status.error_message();
  EXPECT_EQ(loaded.data, 0U);
  EXPECT_EQ(loaded.ticket, "");
  ASSERT_EQ(loaded.plan.storages().place_size(), 2);
  EXPECT_EQ(loaded.plan.storages().place(1), v1::PLACE_INPUT);
  float last = 0;
  std::memcpy(&last, file.data() + loaded.plan.storages().offset(1) + 20, sizeof(last));
  EXPECT_EQ(last, 5.0F);
}

TEST_F(MappedLoadTest, WhatWasInflatedComesSealedOnceAndForReadingOnly) {
  const Loaded loaded = Load(*stub_, OptionsFor(Put(daemon_, TwoTensors(true))));
  ASSERT_TRUE(loaded.status.ok()) << loaded.status.error_message();
  ASSERT_TRUE(loaded.ticket && !loaded.ticket->empty());
  EXPECT_EQ(loaded.plan.storages().place(1), v1::PLACE_OUTPUT);
  const Answered taken = Take(daemon_, *loaded.ticket);
  ASSERT_EQ(taken.fds.size(), 1U) << taken.reply.DebugString();
  const int fd = taken.fds.front().get();
  EXPECT_EQ(::fcntl(fd, F_GET_SEALS) & kSeals, kSeals);
  EXPECT_EQ(::fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(::pwrite(fd, "x", 1, 0), -1);
  float last = 0;
  EXPECT_EQ(::pread(fd, &last, 4, static_cast<off_t>(loaded.plan.storages().offset(1) + 20)), 4);
  EXPECT_EQ(last, 5.0F);
  EXPECT_EQ(Take(daemon_, *loaded.ticket).reply.failure().reason(), v1::REASON_NO_SUCH_TICKET);
}

TEST_F(MappedLoadTest, AnotherProcessCannotTakeTheOutput) {
  const Loaded loaded = Load(*stub_, OptionsFor(Put(daemon_, TwoTensors(true))));
  ASSERT_TRUE(loaded.ticket);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(Take(daemon_, *loaded.ticket).fds.empty() ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(Take(daemon_, *loaded.ticket).fds.size(), 1U);
}

TEST_F(MappedLoadTest, ALargeGraphComesAsASealedFileToWhoeverAsks) {
  const Loaded pieces = Load(*stub_, OptionsFor(Put(daemon_, Numbers(100'000))));
  ASSERT_TRUE(pieces.status.ok()) << pieces.status.error_message();
  EXPECT_TRUE(pieces.graph_files.empty());
  ASSERT_EQ(pieces.graph.kinds().size(), 100'001U);

  v1::LoadOptions options = OptionsFor(Put(daemon_, Numbers(100'000)));
  options.set_graph_file(true);
  const Loaded loaded = Load(*stub_, options);
  ASSERT_TRUE(loaded.status.ok()) << loaded.status.error_message();
  EXPECT_FALSE(loaded.plan.has_graph());
  EXPECT_EQ(loaded.report.totals().nodes(), 100'001U);
  ASSERT_EQ(loaded.graph_files.size(), 1U);
  const v1::GraphFile& file = loaded.graph_files.front();
  ASSERT_EQ(file.offset_size(), 7);
  ASSERT_EQ(file.bytes_size(), 7);
  const Answered taken = Take(daemon_, file.ticket());
  ASSERT_EQ(taken.fds.size(), 1U) << taken.reply.DebugString();
  const int fd = taken.fds.front().get();
  EXPECT_EQ(::fcntl(fd, F_GET_SEALS) & kSeals, kSeals);
  EXPECT_EQ(::fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(::fchmod(fd, 0600), 0) << "it is the same user's";
  EXPECT_EQ(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDWR | O_TRUNC), -1);
  const auto columns = ColumnsOf(pieces.graph);
  for (size_t i = 0; i < columns.size(); ++i) {
    std::string column(file.bytes(static_cast<int>(i)), '\0');
    const auto offset = static_cast<off_t>(file.offset(static_cast<int>(i)));
    EXPECT_EQ(::pread(fd, column.data(), column.size(), offset), static_cast<ssize_t>(column.size()));
    EXPECT_EQ(column, columns[i]) << i;
  }
  EXPECT_EQ(Take(daemon_, file.ticket()).reply.failure().reason(), v1::REASON_NO_SUCH_TICKET);
}

TEST_F(MappedLoadTest, ASmallGraphComesInPieces) {
  v1::LoadOptions options = OptionsFor(Put(daemon_, Numbers(1000)));
  options.set_graph_file(true);
  const Loaded loaded = Load(*stub_, options);
  ASSERT_TRUE(loaded.status.ok()) << loaded.status.error_message();
  EXPECT_TRUE(loaded.graph_files.empty());
  EXPECT_EQ(loaded.graph.kinds().size(), 1001U);
}

// Whoever takes none of them keeps none from getting an answer.
TEST_F(MappedLoadTest, WithTooManyTicketsAGraphComesInPieces) {
  size_t files = 0;
  size_t pieces = 0;
  for (int i = 0; i < 70; ++i) {
    v1::LoadOptions options = OptionsFor(Put(daemon_, Numbers(40'000)));
    options.set_graph_file(true);
    const Loaded loaded = Load(*stub_, options);
    ASSERT_TRUE(loaded.status.ok()) << loaded.status.error_message();
    files += loaded.graph_files.size();
    if (!loaded.graph.kinds().empty()) ++pieces;
  }
  EXPECT_EQ(files, 64U);
  EXPECT_EQ(pieces, 6U);
}

TEST_F(MappedLoadTest, ATicketIsGoodForOneLoad) {
  const std::string ticket = Put(daemon_, TwoTensors(false));
  EXPECT_TRUE(Load(*stub_, OptionsFor(ticket)).status.ok());
  EXPECT_EQ(Load(*stub_, OptionsFor(ticket)).status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Load(*stub_, OptionsFor(std::string(32, 'x'))).status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(MappedLoadTest, DeliveryFitsTheSource) {
  v1::LoadOptions options = OptionsFor(Put(daemon_, TwoTensors(false)));
  options.set_delivery(v1::DELIVERY_STREAM);
  EXPECT_EQ(Load(*stub_, options).report.failure().reason(), v1::REASON_BAD_REQUEST);
  options.set_delivery(v1::DELIVERY_MAPPED);
  EXPECT_TRUE(Load(*stub_, options).status.ok()) << "what was refused has used nothing up";
  options.mutable_source()->mutable_upload()->set_size(1);
  EXPECT_EQ(Load(*stub_, options).report.failure().reason(), v1::REASON_BAD_REQUEST);
  options.mutable_source()->set_path("/x");
  EXPECT_EQ(Load(*stub_, options).report.failure().reason(), v1::REASON_BAD_REQUEST);
}

TEST_F(MappedLoadTest, ARequestCanLowerTheLimitOfWhatWasPutIn) {
  v1::LoadOptions options = OptionsFor(Put(daemon_, TwoTensors(false)));
  options.mutable_limits()->set_input_bytes(16);
  EXPECT_EQ(Load(*stub_, options).report.failure().reason(), v1::REASON_LIMIT_EXCEEDED);
}

TEST_F(MappedLoadTest, WhatWasNotChosenIsLeftOut) {
  for (const bool deflated : {false, true}) {
    v1::LoadOptions options = OptionsFor(Put(daemon_, TwoTensors(deflated)));
    options.add_select("b");
    const Loaded loaded = Load(*stub_, options);
    ASSERT_TRUE(loaded.status.ok()) << loaded.status.error_message();
    EXPECT_EQ(loaded.report.totals().payload_bytes(), 24U);
    EXPECT_EQ(loaded.plan.storages().place(0), v1::PLACE_LEFT_OUT);
    EXPECT_EQ(loaded.plan.storages().offset(0), 0U);
    EXPECT_EQ(loaded.plan.storages().nbytes(0), 16U);
    EXPECT_EQ(loaded.plan.storages().place(1), deflated ? v1::PLACE_OUTPUT : v1::PLACE_INPUT);
    EXPECT_EQ(loaded.plan.entries().name_bytes_size(), 2);
    EXPECT_EQ(loaded.ticket->empty(), !deflated);
  }
}

TEST_F(MappedLoadTest, NothingChosenIsNothingDelivered) {
  v1::LoadOptions options = OptionsFor(Put(daemon_, TwoTensors(true)));
  options.add_select("c*");
  const Loaded loaded = Load(*stub_, options);
  ASSERT_TRUE(loaded.status.ok());
  EXPECT_EQ(loaded.report.totals().payload_bytes(), 0U);
  EXPECT_EQ(loaded.ticket, "");
}

// Whoever dropped it would wait for as long as its owner likes. Before Linux 6.16 there is nothing against it.
TEST_F(MappedLoadTest, NobodyLeavesADescriptorWithGrpc) {
  const Fd own(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  constexpr int kPassRights = 83;
  int passes = 0;
  socklen_t size = sizeof(passes);
  if (::getsockopt(own.get(), SOL_SOCKET, kPassRights, &passes, &size) != 0) GTEST_SKIP() << "no SO_PASSRIGHTS here";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, daemon_.address().c_str() + std::strlen("unix:"), sizeof(address.sun_path) - 1);
  ASSERT_EQ(::connect(own.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const int left = own.get();
  EXPECT_FALSE(SendPacket(own.get(), "x", {&left, 1}, MSG_DONTWAIT));
  EXPECT_EQ(errno, EPERM);
  EXPECT_TRUE(SendPacket(own.get(), "x", {}, MSG_DONTWAIT));
}

TEST_F(MappedLoadTest, TheDaemonNamesItsFdSocket) {
  grpc::ClientContext context;
  v1::GetCapabilitiesResponse response;
  ASSERT_TRUE(stub_->GetCapabilities(&context, {}, &response).ok());
  EXPECT_EQ(response.fd_socket(), daemon_.fd_socket());
}

// A port that was free a moment ago.
int FreePort() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return 0;
  return ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 ? ntohs(address.sin_port) : 0;
}

TEST(MappedLoad, TicketsAreForTheUnixSocket) {
  const std::string tcp = "127.0.0.1:" + std::to_string(FreePort());
  const TestDaemon daemon({"--worker", WORKER, "--log-level", "off", "--listen", "tcp:" + tcp, "--insecure-loopback"});
  ASSERT_TRUE(daemon.Serves());
  const auto stub = v1::Loader::NewStub(grpc::CreateChannel(tcp, grpc::InsecureChannelCredentials()));
  const std::string ticket = Put(daemon, TwoTensors(false));
  EXPECT_EQ(Load(*stub, OptionsFor(ticket)).report.failure().reason(), v1::REASON_BAD_REQUEST);
  EXPECT_TRUE(Load(*daemon.NewStub(), OptionsFor(ticket)).status.ok());
}

}  // namespace
}  // namespace airlock::server
