#include "client/cpp/byte_call.h"

#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

namespace airlock {
namespace {

// What a completion is of.
enum class Event : intptr_t { kSent = 1, kReceived, kFinished };

void* Tag(Event event) { return reinterpret_cast<void*>(event); }

class ByteCall {
 public:
  ByteCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, grpc::ClientContext& context,
           const MessageSource& source, const MessageTaker& taker)
      : source_(source), taker_(taker) {
    // Its headers go out with the first message, in one packet.
    context.set_initial_metadata_corked(true);
    call_ = grpc::GenericStub(channel).PrepareCall(&context, method, &queue_);
    call_->StartCall(nullptr);
  }

  ~ByteCall() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  ByteCall(const ByteCall&) = delete;
  ByteCall& operator=(const ByteCall&) = delete;

  grpc::Status Run() {
    ahead_ = source_();
    Send();
    call_->Read(&incoming_, Tag(Event::kReceived));
    void* tag = nullptr;
    bool ok = false;
    while ((!finished_ || sending_) && queue_.Next(&tag, &ok))
      Handle(static_cast<Event>(reinterpret_cast<intptr_t>(tag)), ok);
    return status_;
  }

 private:
  void Handle(Event event, bool ok) {
    switch (event) {
      case Event::kSent:
        sending_ = false;
        // Where it failed the call is over: its status says why.
        if (ok) Send();
        return;
      case Event::kReceived:
        if (ok) return Receive();
        return call_->Finish(&status_, Tag(Event::kFinished));
      case Event::kFinished:
        finished_ = true;
        return;
    }
  }

  void Send() {
    if (!ahead_) return;
    outgoing_.Clear();
    outgoing_.Swap(&ahead_->bytes);
    const bool last = ahead_->last;
    sending_ = true;
    if (last) {
      call_->WriteLast(outgoing_, grpc::WriteOptions(), Tag(Event::kSent));
      ahead_.reset();
    } else {
      call_->Write(outgoing_, Tag(Event::kSent));
      ahead_ = source_();
    }
  }

  void Receive() {
    taken_.Clear();
    taken_.Swap(&incoming_);
    // First: while we take this one, the daemon may send on.
    call_->Read(&incoming_, Tag(Event::kReceived));
    taker_(taken_);
  }

  const MessageSource& source_;
  const MessageTaker& taker_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  std::optional<OutgoingMessage> ahead_;
  grpc::ByteBuffer outgoing_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer taken_;
  bool sending_ = false;
  bool finished_ = false;
  grpc::Status status_;
};

}  // namespace

grpc::Status RunByteCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                         grpc::ClientContext& context, const MessageSource& source, const MessageTaker& taker) {
  return ByteCall(channel, method, context, source, taker).Run();
}

}  // namespace airlock
