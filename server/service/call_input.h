// CallInput: where the bytes of one call come from. An upload arrives in pieces, a ticket stands for a file that is
// open already, a path is opened when the call's turn comes. Not thread-safe: a call does one thing at a time.
#pragma once

#include <grpcpp/server_context.h>

#include <optional>
#include <string>

#include "airlock/v1/loader.pb.h"
#include "sandbox/base/limits.h"
#include "server/service/broker.h"
#include "server/source/upload_source.h"

namespace airlock::server {

// BAD_REQUEST for callers who cannot have come by a ticket honestly: descriptors are for this machine.
OrVerdict<void> CheckLocal(const grpc::CallbackServerContext& context);

class CallInput {
 public:
  // `broker`, `context` and `limits` must outlive it; the limits are those of the call by the time of Take.
  CallInput(Broker& broker, const grpc::CallbackServerContext& context, const Limits& limits);

  // What the options say, once: what to call it, whatever becomes of it; then the source itself.
  void Announce(const v1::Source& source);
  OrVerdict<void> Take(const v1::Source& source);
  // Whether pieces of an upload are still to come.
  bool arriving() const { return upload_.has_value(); }
  // The next piece. REQUIRES: arriving().
  OrVerdict<void> TakeChunk(const ChunkView& chunk);
  // Opens what is a path. Blocks on files. Afterwards there is a `file`.
  OrVerdict<void> Open();

  // Nothing before it is open, or complete.
  const Input* file() const { return input_ ? &*input_ : nullptr; }
  // Of an upload that is complete.
  const std::string& sha256() const { return sha256_; }
  // Who put it in, where it came by a ticket.
  const Peer* owner() const { return owner_ ? &*owner_ : nullptr; }
  // For the log: what its caller calls it, and which of the ways it came.
  const std::string& name() const { return name_; }
  std::string_view way() const { return way_; }

 private:
  OrVerdict<void> TakeTicket(const std::string& ticket);
  OrVerdict<void> CheckSize() const;

  Broker& broker_;
  const grpc::CallbackServerContext& context_;
  const Limits& limits_;
  std::optional<UploadSource> upload_;
  std::optional<Peer> owner_;
  std::string name_;
  std::string_view way_ = "none";
  // Given back when the input is closed.
  std::optional<Budget::Share> files_share_;
  std::optional<Input> input_;
  std::string sha256_;
};

}  // namespace airlock::server
