#include "client/cpp/payload_socket.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

namespace airlock {
namespace {

// How long a wait goes on before it is asked whether it should.
constexpr timeval kPatience{0, 100'000};

}  // namespace

ClientResult<size_t> PayloadSocket::Read(std::span<std::byte> into, const KeepWaiting& keep_waiting) {
  (void)setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  size_t filled = 0;
  while (filled < into.size()) {
    const std::span<std::byte> room = into.subspan(filled);
    // All at once: to be woken for each packet would cost as much as the copying.
    const ssize_t got = recv(socket_.get(), room.data(), room.size(), MSG_WAITALL);
    if (got == 0) break;
    if (got > 0) filled += static_cast<size_t>(got);
    if (got < 0 && errno != EAGAIN && errno != EINTR) {
      return Unexpected{MakeError(v1::OUTCOME_UNAVAILABLE, std::string("the payload's socket: ") + strerror(errno))};
    }
    // Whatever came in that time: who sends a byte now and then could keep us for ever.
    if (filled < into.size()) AIRLOCK_TRY(keep_waiting());
  }
  return filled;
}

}  // namespace airlock
