// ByteCall: one streaming call with encoded messages both ways. The thread that waits for it does all the work: it
// makes a message to send while gRPC sends the one before it, and takes a message while gRPC receives the one after it.
// So payload goes from and into memory of our choice without passing through protobuf, and without a second thread. Not
// thread-safe.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace airlock {

struct OutgoingMessage {
  grpc::ByteBuffer bytes;
  // Nothing is sent after it.
  bool last = false;
};

// Makes the next message to send; nothing: send no more, as the call has been cancelled.
using MessageSource = std::function<std::optional<OutgoingMessage>()>;
using MessageTaker = std::function<void(grpc::ByteBuffer& message)>;

// Sends what `source` makes, up to its last message, and gives `taker` what comes back until the call ends; its status.
grpc::Status RunByteCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                         grpc::ClientContext& context, const MessageSource& source, const MessageTaker& taker);

}  // namespace airlock
