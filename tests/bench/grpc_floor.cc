#include "tests/bench/grpc_floor.h"

#include <grpc/slice.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server_builder.h>
#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "tests/bench/round_loop.h"

namespace airlock::bench {
namespace {

constexpr size_t kMessage = 1 << 20;
constexpr int kFrame = 1 << 20;

void TuneMalloc() {
  mallopt(M_MMAP_THRESHOLD, 256 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_TOP_PAD, 64 << 20);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The same bytes again and again, where they lie.
class Sender final : public grpc::ServerGenericBidiReactor {
 public:
  Sender(const std::vector<uint8_t>& source, size_t bytes) : source_(source), left_(bytes) { Next(); }
  void OnWriteDone(bool ok) override {
    if (!ok) left_ = 0;
    Next();
  }
  void OnDone() override { delete this; }

 private:
  void Next() {
    if (left_ == 0) return Finish(grpc::Status::OK);
    const size_t size = std::min(left_, kMessage);
    left_ -= size;
    const grpc::Slice slice(grpc_slice_from_static_buffer(source_.data(), size), grpc::Slice::STEAL_REF);
    message_ = grpc::ByteBuffer(&slice, 1);
    StartWrite(&message_);
  }

  const std::vector<uint8_t>& source_;
  size_t left_;
  grpc::ByteBuffer message_;
};

class Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(size_t bytes) : source_(kMessage, 1), bytes_(bytes) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* /*context*/) override {
    return new Sender(source_, bytes_);
  }

 private:
  const std::vector<uint8_t> source_;
  const size_t bytes_;
};

std::shared_ptr<grpc::ServerCredentials> ServerSide(const std::string& tls) {
  if (tls.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_key_cert_pairs.push_back({ReadFile(tls + "/server.key"), ReadFile(tls + "/server.pem")});
  options.pem_root_certs = ReadFile(tls + "/ca.pem");
  return grpc::SslServerCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> ClientSide(const std::string& tls) {
  if (tls.empty()) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials(
      {ReadFile(tls + "/ca.pem"), ReadFile(tls + "/client.key"), ReadFile(tls + "/client.pem")});
}

// Waits for the one event that is due.
bool Await(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  return queue.Next(&tag, &ok) && ok;
}

size_t Gather(grpc::ByteBuffer& message, uint8_t* to) {
  std::vector<grpc::Slice> slices;
  (void)message.Dump(&slices);
  size_t size = 0;
  for (const grpc::Slice& slice : slices) {
    std::memcpy(to + size, slice.begin(), slice.size());
    size += slice.size();
  }
  return size;
}

size_t ReadOnce(const std::shared_ptr<grpc::Channel>& channel, std::vector<uint8_t>& buffer) {
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel);
  const auto call = stub.PrepareCall(&context, "/bench/Slices", &queue);
  grpc::ByteBuffer message;
  grpc::Status status;
  size_t received = 0;
  call->StartCall(&queue);
  bool ok = Await(queue);
  call->WritesDone(&queue);
  (void)Await(queue);
  while (ok) {
    call->Read(&message, &queue);
    ok = Await(queue);
    if (ok) received += Gather(message, buffer.data() + received);
  }
  call->Finish(&status, &queue);
  (void)Await(queue);
  return received;
}

}  // namespace

int ServeSlices(const GrpcFloorOptions& options) {
  TuneMalloc();
  Service service(options.bytes);
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kFrame);
  builder.AddListeningPort(options.address, ServerSide(options.tls));
  builder.RegisterCallbackGenericService(&service);
  const auto server = builder.BuildAndStart();
  if (!server) return 1;
  std::cout << "ready" << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  std::_Exit(0);
}

int ReadSlices(const GrpcFloorOptions& options) {
  TuneMalloc();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kFrame);
  const std::string target = (options.tls.empty() ? "" : "dns:///") + options.address;
  const auto channel = grpc::CreateCustomChannel(target, ClientSide(options.tls), arguments);
  std::vector<uint8_t> buffer(options.bytes);
  RunRounds([&]() -> nlohmann::json {
    const Stopwatch watch;
    if (ReadOnce(channel, buffer) != options.bytes) throw std::runtime_error("bare gRPC broke off");
    return {{"mapped", watch.seconds()}};
  });
  return 0;
}

}  // namespace airlock::bench
