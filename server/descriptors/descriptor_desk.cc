#include "server/descriptors/descriptor_desk.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <utility>

#include "airlock/v1/descriptors.pb.h"
#include "sandbox/base/checked.h"
#include "server/descriptors/handed_in.h"

namespace airlock::server {
namespace {

// While the caller works through so much, this process wakes up and sends more. The system may allow less
// (net.core.wmem_max); then it is slower.
constexpr int kSocketBytes = 1 << 20;

FdPacket Encode(const v1::FdReply& reply) {
  FdPacket packet;
  packet.bytes = reply.SerializeAsString();
  return packet;
}

FdPacket Refuse(const Verdict& verdict) {
  v1::FdReply reply;
  *reply.mutable_failure() = verdict.failure();
  return Encode(reply);
}

FdPacket GiveTicket(const std::string& ticket) {
  v1::FdReply reply;
  reply.set_ticket(ticket);
  return Encode(reply);
}

FdPacket HandOut(Fd file) {
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return Refuse(Verdict(v1::REASON_INTERNAL, "fstat failed"));
  v1::FdReply reply;
  reply.set_size(static_cast<uint64_t>(found.st_size));
  FdPacket packet = Encode(reply);
  packet.fds.push_back(std::move(file));
  return packet;
}

}  // namespace

OrVerdict<std::string> DescriptorDesk::PutIn(std::vector<Fd>& fds, const v1::Put& put, const Peer& peer) {
  if (put.files_size() != 1) return Because(v1::REASON_BAD_REQUEST, "an input is one file");
  if (fds.size() != static_cast<size_t>(put.files_size())) {
    return Because(v1::REASON_BAD_REQUEST, "not as many descriptors as files");
  }
  uint64_t all = 0;
  for (size_t i = 0; i < fds.size(); ++i) {
    const v1::File& file = put.files(static_cast<int>(i));
    AIRLOCK_TRY(CheckHandedIn(fds[i].get(), file));
    all = CheckedAdd(all, file.size()).value_or(UINT64_MAX);
  }
  if (all > max_input_bytes_) return Unexpected<Verdict>{Verdict::Limit("input_bytes", max_input_bytes_, all)};
  TicketBook::Lot lot{std::exchange(fds, {}), peer, put.files(0).name()};
  auto ticket = inputs_.Issue(std::move(lot));
  if (!ticket.ok()) fds = std::move(lot.files);  // NOLINT(bugprone-use-after-move): it stays as it was
  return ticket;
}

// That ours does not block is said of our end alone: no caller can change it, whatever it does with its own. Nor can it
// send: bytes would keep us awake, and descriptors among them would have to be closed by whoever drops them, which may
// take as long as their sender likes (SO_LINGER).
FdPacket DescriptorDesk::OpenPayload(const Peer& peer) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Refuse(Verdict(v1::REASON_INTERNAL, "no socket for the payload"));
  }
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0 || ::shutdown(theirs.get(), SHUT_WR) != 0)
    return Refuse(Verdict(v1::REASON_INTERNAL, "no socket for the payload"));
  (void)::setsockopt(ours.get(), SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof(kSocketBytes));
  TicketBook::Lot lot{{}, peer};
  lot.files.push_back(std::move(ours));
  const auto ticket = payloads_.Issue(std::move(lot));
  if (!ticket.ok()) return Refuse(ticket.error());
  FdPacket packet = GiveTicket(*ticket);
  packet.fds.push_back(std::move(theirs));
  return packet;
}

FdPacket DescriptorDesk::Answer(FdPacket& packet, const Peer& peer) {
  v1::FdRequest request;
  if (!request.ParseFromString(packet.bytes)) return Refuse(Verdict(v1::REASON_BAD_REQUEST, "not a request"));
  if (request.has_put()) {
    const auto ticket = PutIn(packet.fds, request.put(), peer);
    return ticket.ok() ? GiveTicket(*ticket) : Refuse(ticket.error());
  }
  if (!packet.fds.empty()) return Refuse(Verdict(v1::REASON_BAD_REQUEST, "not a request"));
  if (request.has_open_payload()) return OpenPayload(peer);
  if (!request.has_take()) return Refuse(Verdict(v1::REASON_BAD_REQUEST, "not a request"));
  const std::string& ticket = request.take().ticket();
  auto lot = outputs_.Redeem(ticket, peer);
  if (!lot.ok()) lot = graphs_.Redeem(ticket, peer);
  return lot.ok() ? HandOut(std::move(lot->files.front())) : Refuse(lot.error());
}

std::vector<TicketBook::Lot> DescriptorDesk::Expire() {
  // Memory files and sockets of ours, which nobody has to be asked about.
  (void)outputs_.Expire();
  (void)graphs_.Expire();
  (void)payloads_.Expire();
  return inputs_.Expire();
}

}  // namespace airlock::server
