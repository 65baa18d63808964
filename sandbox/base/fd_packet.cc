#include "sandbox/base/fd_packet.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>

#include "sandbox/base/fd_passing.h"

namespace airlock {
namespace {

ReceiveStatus StatusOf(const Received& received) {
  if (received.size < 0) {
    return errno == EAGAIN    ? ReceiveStatus::kNothing
           : errno == EBADMSG ? ReceiveStatus::kBroken
                              : ReceiveStatus::kClosed;
  }
  if (received.size > 0) return ReceiveStatus::kPacket;
  return received.fd_count == 0 ? ReceiveStatus::kClosed : ReceiveStatus::kBroken;
}

}  // namespace

bool SendPacket(int socket, std::string_view bytes, std::span<const int> fds, int flags) {
  if (bytes.size() > kMaxPacketBytes) {
    errno = EMSGSIZE;
    return false;
  }
  return SendWithFds(socket, std::as_bytes(std::span(bytes)), fds, flags);
}

ReceiveStatus ReceivePacket(int socket, int flags, FdPacket* packet) {
  packet->fds.clear();
  packet->bytes.resize(kMaxPacketBytes);
  std::array<Fd, kMaxPassedFds> fds;
  const Received received = ReceiveWithFds(socket, std::as_writable_bytes(std::span(packet->bytes)), fds, flags);
  const ReceiveStatus status = StatusOf(received);
  const auto end = std::find_if(fds.begin(), fds.end(), [](const Fd& fd) { return !fd; });
  packet->fds.assign(std::move_iterator(fds.begin()), std::move_iterator(end));
  if (status == ReceiveStatus::kPacket) packet->bytes.resize(static_cast<size_t>(received.size));
  return status;
}

}  // namespace airlock
