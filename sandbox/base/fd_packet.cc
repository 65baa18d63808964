#include "sandbox/base/fd_packet.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace airlock {
namespace {

// Room for all that the kernel carries: what does not fit was cut off by the kernel, which says so.
constexpr size_t kRoom = CMSG_SPACE(kMaxPacketFds * sizeof(int));

// Takes over the descriptors of one control message; false where it is something else.
bool Take(const cmsghdr& header, std::vector<Fd>& fds) {
  if (header.cmsg_level != SOL_SOCKET || header.cmsg_type != SCM_RIGHTS) return false;
  const size_t count = (header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < count; ++i) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(&header) + i * sizeof(int), sizeof(number));
    fds.emplace_back(number);
  }
  return true;
}

}  // namespace

bool SendPacket(int socket, std::string_view bytes, std::span<const int> fds, int flags) {
  if (fds.size() > kMaxPacketFds || bytes.size() > kMaxPacketBytes) {
    errno = EMSGSIZE;
    return false;
  }
  alignas(cmsghdr) char control[kRoom];
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    std::memset(control, 0, message.msg_controllen);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(bytes.size());
}

ReceiveStatus ReceivePacket(int socket, int flags, FdPacket* packet) {
  alignas(cmsghdr) char control[kRoom];
  packet->fds.clear();
  packet->bytes.resize(kMaxPacketBytes);
  iovec data{packet->bytes.data(), packet->bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return errno == EAGAIN ? ReceiveStatus::kNothing : ReceiveStatus::kClosed;
  bool whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (!Take(*header, packet->fds)) whole = false;
  }
  packet->bytes.resize(static_cast<size_t>(size));
  if (size == 0 && packet->fds.empty()) return ReceiveStatus::kClosed;
  if (size > 0 && whole) return ReceiveStatus::kPacket;
  packet->fds.clear();
  return ReceiveStatus::kBroken;
}

}  // namespace airlock
