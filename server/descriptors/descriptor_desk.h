// DescriptorDesk: answers the packets of the fd socket. Callers leave their open files here and get tickets; they
// fetch, against a ticket of a load, what the worker wrote; and they get the end of a socket that a load's payload will
// come through. It does not know the fd socket itself. Thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "airlock/v1/descriptors.pb.h"
#include "sandbox/base/fd_packet.h"
#include "server/descriptors/ticket_book.h"

namespace airlock::server {

class DescriptorDesk {
 public:
  // The largest input that is taken; files of one input.
  explicit DescriptorDesk(uint64_t max_input_bytes, const TicketOptions& options = {})
      : max_input_bytes_(max_input_bytes), inputs_(options), outputs_(options), graphs_(options), payloads_(options) {}

  // The reply to one packet of `peer`, an encoded FdReply. Descriptors that came with the packet and are not kept stay
  // in it.
  FdPacket Answer(FdPacket& packet, const Peer& peer);
  // Called now and then. What callers put in and nobody fetched, to be closed.
  std::vector<TicketBook::Lot> Expire();

  // Files that callers put in, for loads.
  TicketBook& inputs() { return inputs_; }
  // What workers wrote, for callers.
  TicketBook& outputs() { return outputs_; }
  // Graphs, for callers. Who has too many of these tickets still gets the others.
  TicketBook& graphs() { return graphs_; }
  // Our ends of sockets for payload, for loads.
  TicketBook& payloads() { return payloads_; }

 private:
  OrVerdict<std::string> PutIn(std::vector<Fd>& fds, const v1::Put& put, const Peer& peer);

  FdPacket OpenPayload(const Peer& peer);

  const uint64_t max_input_bytes_;
  TicketBook inputs_;
  TicketBook outputs_;
  TicketBook graphs_;
  TicketBook payloads_;
};

}  // namespace airlock::server
