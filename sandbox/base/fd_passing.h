// One message with descriptors over a unix socket, for all who pass any. Strict: a message that is cut off, or that
// brings another number of descriptors than expected, is none. No heap.
#pragma once

#include <cstddef>
#include <span>

#include "sandbox/base/fd.h"

namespace airlock {

// As many as the kernel passes.
inline constexpr size_t kMaxPassedFds = 253;

// Sends all of `bytes` with `fds` (at most kMaxPassedFds) in one sendmsg, without SIGPIPE. False: errno says why.
// `flags`, here and below: MSG_DONTWAIT or 0.
bool SendWithFds(int socket, std::span<const std::byte> bytes, std::span<const int> fds, int flags = 0);

struct Received {
  // -1: an error, which errno tells; EBADMSG: a message that is none. 0: end of file.
  long size = -1;
  size_t fd_count = 0;
};

// One recvmsg; restarts after signals. The descriptors, close-on-exec, go to the front of `fds`; more than fit there
// make the message none, and are closed. Those that did fit stay there also then, though nothing counts them: closing
// may take a while, and is the caller's to do.
Received ReceiveWithFds(int socket, std::span<std::byte> buffer, std::span<Fd> fds = {}, int flags = 0);

template <typename T>
std::span<const std::byte> BytesOf(const T& object) {
  return std::as_bytes(std::span(&object, 1));
}
template <typename T>
std::span<std::byte> WritableBytesOf(T& object) {
  return std::as_writable_bytes(std::span(&object, 1));
}

}  // namespace airlock
