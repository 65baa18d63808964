#include "server/daemon.h"

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/descriptor_refusal.h"
#include "server/socket_mode.h"

namespace airlock::server {
namespace {

constexpr char kServiceName[] = "airlock.v1.Loader";
// An upload piece of 1 MiB and its frame.
constexpr int kMaxReceiveBytes = 2 << 20;
constexpr size_t kQuotaBytes = 256 << 20;

struct ArgumentRow {
  const char* name;
  int value;
};

// Why: with BDP probing a peer can park 4 MiB a stream in our receive buffers; a fixed window of 1 MiB bounds it and is
// as fast. Keepalive finds peers that vanished.
constexpr std::array<ArgumentRow, 9> kArguments = {{
    {GRPC_ARG_HTTP2_BDP_PROBE, 0},
    {GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 20},
    {GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1 << 20},
    {GRPC_ARG_MAX_CONCURRENT_STREAMS, 256},
    {GRPC_ARG_KEEPALIVE_TIME_MS, 60'000},
    {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000},
    {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
    {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000},
    {GRPC_ARG_ALLOW_REUSEPORT, 0},
}};

void Configure(grpc::ServerBuilder& builder) {
  grpc::ResourceQuota quota("airlockd");
  builder.SetResourceQuota(quota.Resize(kQuotaBytes));
  builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  for (const ArgumentRow& row : kArguments) builder.AddChannelArgument(row.name, row.value);
}

}  // namespace

void TuneMalloc() {
  ::mallopt(M_MMAP_THRESHOLD, 8 << 20);
  // What the columns of 100,000 tensors take besides large blocks stays for the next load.
  ::mallopt(M_TRIM_THRESHOLD, 32 << 20);
  ::mallopt(M_TOP_PAD, 16 << 20);
  // Each keeps what it has once needed. Two stream as fast as four, and a thousand callers cost a fifth less.
  ::mallopt(M_ARENA_MAX, 2);
}

Expected<void, std::string> Daemon::ServeDescriptors(const std::vector<Listener>& listeners, uint32_t socket_mode) {
  const SocketModeScope scope(socket_mode);
  std::vector<Fd> sockets;
  for (const Listener& listener : listeners) {
    if (listener.socket_path.empty()) continue;
    const std::string path = FdSocketPath(listener.socket_path);
    AIRLOCK_ASSIGN(Fd socket, ListenForDescriptors(path, socket_mode));
    sockets_.push_back(path);
    sockets.push_back(std::move(socket));
    if (broker_.fd_socket.empty()) broker_.fd_socket = path;
  }
  if (!sockets.empty()) descriptors_ = std::make_unique<FdServer>(broker_.descriptors, std::move(sockets));
  return {};
}

Expected<void, std::string> Daemon::Serve(const std::vector<Listener>& listeners, uint32_t socket_mode) {
  // First: who finds the daemon finds its fd socket too.
  AIRLOCK_TRY(ServeDescriptors(listeners, socket_mode));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  Configure(builder);
  std::vector<int> ports(listeners.size(), 0);
  for (size_t i = 0; i < listeners.size(); ++i) {
    builder.AddListeningPort(listeners[i].address, listeners[i].credentials, &ports[i]);
    if (!listeners[i].socket_path.empty()) sockets_.push_back(listeners[i].socket_path);
  }
  builder.RegisterService(&service_);
  {
    const SocketModeScope scope(socket_mode);
    server_ = builder.BuildAndStart();
  }
  for (size_t i = 0; i < listeners.size(); ++i) {
    if (!server_ || ports[i] == 0) {
      return Unexpected<std::string>{"cannot listen on " + listeners[i].address +
                                     ": another program does, or this user may not"};
    }
  }
  for (const Listener& listener : listeners) {
    if (!listener.socket_path.empty()) (void)RefuseDescriptors(listener.socket_path);
  }
  for (const std::string& socket : sockets_) {
    if (!SetSocketMode(socket, socket_mode)) {
      return Unexpected<std::string>{"cannot set the mode of " + socket + ": " + std::strerror(errno)};
    }
  }
  TellHealth();
  wakefulness_.emplace();
  return {};
}

// Probes name what they want: the service, or a posture, which is served where the walls are that high or higher.
void Daemon::TellHealth() {
  auto& health = *server_->GetHealthCheckService();
  health.SetServingStatus(kServiceName, true);
  for (const walls::Posture posture : walls::kPostures) {
    health.SetServingStatus("airlock.posture." + std::string(walls::PostureName(posture)), broker_.posture >= posture);
  }
}

void Daemon::Drain(std::chrono::seconds patience) {
  broker_.draining = true;
  if (!server_) return;
  wakefulness_.reset();
  server_->GetHealthCheckService()->SetServingStatus(false);
  server_->Shutdown(std::chrono::system_clock::now() + patience);
  server_->Wait();
  server_.reset();
  descriptors_.reset();
  for (const std::string& socket : sockets_) (void)::unlink(socket.c_str());
}

}  // namespace airlock::server
