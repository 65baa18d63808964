// PayloadSocket: this client's end of the socket that the payload of one load comes through
// (airlock/v1/descriptors.proto), from the daemon's files into memory of the caller's choice. Not thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "airlock/error.h"
#include "sandbox/base/fd.h"

namespace airlock {

class PayloadSocket {
 public:
  // Asked now and then while not all has come: an error ends the wait.
  using KeepWaiting = std::function<ClientResult<void>()>;

  PayloadSocket(std::string ticket, Fd socket) : ticket_(std::move(ticket)), socket_(std::move(socket)) {}

  // What to name it by in a request.
  const std::string& ticket() const { return ticket_; }
  // The next bytes: as many as there is room for, or fewer at the end of the payload; none where the daemon has closed
  // its end.
  ClientResult<size_t> Read(std::span<std::byte> into, const KeepWaiting& keep_waiting);
  // Tells the daemon that nothing more is wanted.
  void Close() { socket_.Close(); }

 private:
  std::string ticket_;
  Fd socket_;
};

}  // namespace airlock
