// One packet of a SOCK_SEQPACKET socket with the descriptors beside it. Both ends of the fd socket speak through it.
//
// What comes in whole or not at all: where the packet or its descriptors were cut off (a larger packet, a full
// descriptor table), or anything but descriptors came with it, what did arrive is left to be closed. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/fd.h"

namespace airlock {

inline constexpr size_t kMaxPacketBytes = size_t{64} << 10;

struct FdPacket {
  std::string bytes;
  std::vector<Fd> fds;  // close-on-exec
};

enum class ReceiveStatus : uint8_t {
  kPacket,
  // Nothing is there now, or within the socket's time limit.
  kNothing,
  // The other end is gone.
  kClosed,
  // A packet came that is none of ours.
  kBroken,
};

// Never raises SIGPIPE. False: errno says why. `flags`: MSG_DONTWAIT or 0.
bool SendPacket(int socket, std::string_view bytes, std::span<const int> fds, int flags);
// Descriptors are in `packet` whatever the status: closing one may take a while, and is the caller's to do.
// Empty packets are not kPacket: the kernel does not tell them from the end of the connection.
ReceiveStatus ReceivePacket(int socket, int flags, FdPacket* packet);

}  // namespace airlock
