#include "server/descriptors/fd_server.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "server/socket_mode.h"

namespace airlock::server {
namespace {

constexpr int kBacklog = 64;
// How often what is over is looked for.
constexpr int kTickMs = 1'000;
constexpr std::chrono::milliseconds kBreather{100};
// How often it is looked whether somebody's descriptors are closed.
constexpr int kCatchUpMs = 10;

std::optional<Peer> PeerOf(int socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return Peer{credentials.pid, credentials.uid};
}

// Whether the caller asks again before it has read. A descriptor on its way counts as one of ours, and of those the
// kernel allows a user a number: with some thousands that nobody reads, no message with a descriptor would go out any
// more, neither to a caller nor to a worker.
bool HasUnread(int socket) {
  int bytes = 0;
  return ::ioctl(socket, SIOCOUTQ, &bytes) != 0 || bytes > 0;
}

}  // namespace

FdServer::FdServer(DescriptorDesk& desk, std::vector<Fd> listeners, const FdServerOptions& options)
    : desk_(desk), listeners_(std::move(listeners)), options_(options), thread_([this] { Run(); }) {}

FdServer::~FdServer() {
  stop_.Cancel();
  thread_.join();
  while (!connections_.empty()) Drop(connections_.begin());
}

void FdServer::Run() {
  std::vector<pollfd> polled;
  while (!stop_.cancelled()) {
    polled.assign(1, {stop_.fd(), POLLIN, 0});
    const short accepting = Clock::now() < closed_until_ ? 0 : POLLIN;
    for (const Fd& listener : listeners_) polled.push_back({listener.get(), accepting, 0});
    int wait_ms = accepting == 0 ? static_cast<int>(kBreather.count()) : kTickMs;
    for (const Connection& connection : connections_) {
      const bool behind = closer_.IsBehind(connection.peer.uid);
      if (behind) wait_ms = kCatchUpMs;
      polled.push_back({connection.socket.get(), static_cast<short>(behind ? 0 : POLLIN), 0});
    }
    if (::poll(polled.data(), polled.size(), wait_ms) < 0) continue;
    // Backwards: dropping a connection moves those behind it.
    for (size_t i = connections_.size(); i-- > 0;) {
      const short events = polled[1 + listeners_.size() + i].revents;
      if (events != 0 && !Serve(connections_[i], events)) Drop(connections_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (size_t i = 0; i < listeners_.size(); ++i) {
      if ((polled[1 + i].revents & POLLIN) != 0) Accept(listeners_[i].get());
    }
    DropIdle();
    for (TicketBook::Lot& lot : desk_.Expire()) closer_.Close(lot.owner.uid, std::move(lot.files));
  }
}

void FdServer::Accept(int listener) {
  Fd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) {
    // The listener stays readable: without a pause this thread would spin.
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      closed_until_ = Clock::now() + kBreather;
    return;
  }
  const auto peer = PeerOf(socket.get());
  if (!peer || connections_.size() >= options_.most) return;
  const auto of_user = of_user_.find(peer->uid);
  if (of_user != of_user_.end() && of_user->second >= options_.most_of_a_user) return;
  ++of_user_[peer->uid];
  connections_.push_back({std::move(socket), *peer, Clock::now()});
}

bool FdServer::Serve(Connection& connection, short events) {
  // What it has sent stays with the kernel, which can drop it without asking anybody.
  if (closer_.IsBehind(connection.peer.uid)) return (events & (POLLHUP | POLLERR)) == 0;
  if (HasUnread(connection.socket.get())) return false;
  FdPacket packet;
  const ReceiveStatus status = ReceivePacket(connection.socket.get(), MSG_DONTWAIT, &packet);
  FdPacket reply;
  if (status == ReceiveStatus::kPacket) reply = desk_.Answer(packet, connection.peer);
  closer_.Close(connection.peer.uid, std::move(packet.fds));
  if (status == ReceiveStatus::kNothing) return true;
  if (status != ReceiveStatus::kPacket) return false;
  connection.heard = Clock::now();
  std::vector<int> fds;
  for (const Fd& fd : reply.fds) fds.push_back(fd.get());
  return SendPacket(connection.socket.get(), reply.bytes, fds, MSG_DONTWAIT);
}

void FdServer::Drop(std::vector<Connection>::iterator connection) {
  const auto user = of_user_.find(connection->peer.uid);
  if (--user->second == 0) of_user_.erase(user);
  // With it goes what it has sent and nobody took: a socket among that is closed as slowly as its sender likes
  // (SO_LINGER).
  std::vector<Fd> socket;
  socket.push_back(std::move(connection->socket));
  closer_.Close(connection->peer.uid, std::move(socket));
  connections_.erase(connection);
}

void FdServer::DropIdle() {
  const auto oldest = Clock::now() - options_.idle;
  for (size_t i = connections_.size(); i-- > 0;) {
    if (connections_[i].heard < oldest) Drop(connections_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

Expected<Fd, std::string> ListenForDescriptors(const std::string& path, mode_t mode) {
  const auto failed = [&] { return Unexpected<std::string>{"cannot listen on " + path + ": " + std::strerror(errno)}; };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return Unexpected<std::string>{path + ": the path is too long"};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return failed();
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return failed();
  if (!SetSocketMode(path, mode) || ::listen(socket.get(), kBacklog) != 0) return failed();
  return socket;
}

}  // namespace airlock::server
