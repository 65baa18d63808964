#include "sandbox/base/fd_passing.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace airlock {
namespace {

// With room for all that the kernel passes none is dropped unseen, and each is ours to close.
constexpr size_t kRoom = CMSG_SPACE(kMaxPassedFds * sizeof(int));

// Takes the descriptors out of one control message; false where it is not what we ask for.
bool Take(const cmsghdr& header, std::span<Fd> fds, Received& received) {
  if (header.cmsg_level != SOL_SOCKET || header.cmsg_type != SCM_RIGHTS || header.cmsg_len < CMSG_LEN(0)) return false;
  const size_t count = (header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
  bool fits = true;
  for (size_t i = 0; i < count; ++i) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(&header) + i * sizeof(int), sizeof(number));
    Fd fd(number);
    if (received.fd_count < fds.size()) {
      fds[received.fd_count++] = std::move(fd);
    } else {
      fits = false;
    }
  }
  return fits;
}

}  // namespace

bool SendWithFds(int socket, std::span<const std::byte> bytes, std::span<const int> fds, int flags) {
  if (fds.size() > kMaxPassedFds) {
    errno = EINVAL;
    return false;
  }
  alignas(cmsghdr) char control[kRoom] = {};
  iovec data{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0 && static_cast<size_t>(sent) != bytes.size()) errno = EMSGSIZE;
  return sent >= 0 && static_cast<size_t>(sent) == bytes.size();
}

Received ReceiveWithFds(int socket, std::span<std::byte> buffer, std::span<Fd> fds, int flags) {
  alignas(cmsghdr) char control[kRoom];
  iovec data{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  Received received;
  ssize_t size = 0;
  do {
    size = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return received;
  bool whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (!Take(*header, fds, received)) whole = false;
  }
  if (!whole) {
    errno = EBADMSG;
    return {};
  }
  received.size = size;
  return received;
}

}  // namespace airlock
