#include "client/cpp/fd_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace airlock {
namespace {

// The daemon answers within microseconds, or not at all.
constexpr timeval kPatience{10, 0};
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

Unexpected<ClientError> Unreachable(const std::string& why) {
  return Unexpected{MakeError(v1::OUTCOME_UNAVAILABLE, "the daemon's fd socket: " + why)};
}

Unexpected<ClientError> OutOfTurn() {
  return Unexpected{MakeError(v1::REASON_INTERNAL, "the daemon's fd socket answered something else than was asked")};
}

}  // namespace

ClientResult<void> FdSocket::Connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof(address.sun_path)) return Unreachable("its path is too long");
  memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) return Unreachable(strerror(errno));
  (void)setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  (void)setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Unreachable(strerror(errno));
  }
  socket_ = std::move(socket);
  connected_by_ = getpid();
  return {};
}

ClientResult<FdSocket::Reply> FdSocket::Exchange(const v1::FdRequest& request, const std::vector<int>& fds) {
  const std::string bytes = request.SerializeAsString();
  const std::lock_guard lock(mutex_);
  // A connection that was there may have been closed for its idleness; one that was just made may not.
  bool fresh = false;
  while (true) {
    if (!socket_ || connected_by_ != getpid()) {
      AIRLOCK_TRY(Connect());
      fresh = true;
    }
    FdPacket packet;
    const bool sent = SendPacket(socket_.get(), bytes, fds, 0);
    const ReceiveStatus status = sent ? ReceivePacket(socket_.get(), 0, &packet) : ReceiveStatus::kClosed;
    if (status == ReceiveStatus::kPacket) {
      Reply reply;
      if (!reply.message.ParseFromString(packet.bytes)) return OutOfTurn();
      reply.fds = std::move(packet.fds);
      if (reply.message.has_failure()) {
        const v1::Failure& failure = reply.message.failure();
        return Unexpected{MakeError(failure.reason(), failure.message())};
      }
      return reply;
    }
    // Whatever came late would be taken for the answer to the next question.
    socket_.Close();
    if (fresh || status != ReceiveStatus::kClosed) return Unreachable("no answer");
  }
}

ClientResult<std::string> FdSocket::Put(const std::vector<LocalFile>& files) {
  v1::FdRequest request;
  std::vector<int> fds;
  for (const LocalFile& file : files) {
    v1::File& row = *request.mutable_put()->add_files();
    row.set_name(file.name);
    row.set_size(file.identity.size);
    fds.push_back(file.fd.get());
  }
  AIRLOCK_ASSIGN(Reply reply, Exchange(request, fds));
  if (!reply.message.has_ticket() || !reply.fds.empty()) return OutOfTurn();
  return std::move(*reply.message.mutable_ticket());
}

ClientResult<Fd> FdSocket::Take(const std::string& ticket) {
  v1::FdRequest request;
  request.mutable_take()->set_ticket(ticket);
  AIRLOCK_ASSIGN(Reply reply, Exchange(request, {}));
  if (reply.message.reply_case() != v1::FdReply::kSize || reply.fds.size() != 1) return OutOfTurn();
  // Mapped without these it could change, or be cut short, under us.
  const int seals = fcntl(reply.fds.front().get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) {
    return Unexpected{MakeError(v1::REASON_INTERNAL, "the daemon's memory file is not sealed")};
  }
  return std::move(reply.fds.front());
}

ClientResult<PayloadSocket> FdSocket::OpenPayload() {
  v1::FdRequest request;
  (void)request.mutable_open_payload();
  AIRLOCK_ASSIGN(Reply reply, Exchange(request, {}));
  if (!reply.message.has_ticket() || reply.fds.size() != 1) return OutOfTurn();
  return PayloadSocket(std::move(*reply.message.mutable_ticket()), std::move(reply.fds.front()));
}

}  // namespace airlock
