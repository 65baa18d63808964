// LoadCall: one Inspect or Load, from its first message to its status.
//
//   options -> (upload chunks) -> queued -> decoded -> report -> plan pieces -> data pieces, or payload through a
//   socket, or output ticket -> status
//
// The two methods have the same messages on the wire (Inspect's are Load's without `inert` and `data`; a test compares
// the descriptors), so one reactor on raw bytes serves both and sends data without a copy.
//
// Up to the answer exactly one thing is under way at any time: a read, or a job on one of the broker's threads; whoever
// ends it starts the next. Of the answer one message is written while the one after it is made on a thread of the
// broker, so that reading files and sending overlap; the later one of the two goes on. So a caller that stops reading
// costs two messages of memory, and Finish is called once. Payload that goes through a socket counts as a message that
// is being made until the caller has it. OnCancel only raises a flag that ends whatever is under way. Deletes itself
// when gRPC is done with it.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "airlock/v1/loader.pb.h"
#include "server/pool/cancellation.h"
#include "server/pool/session.h"
#include "server/service/answer_messages.h"
#include "server/service/broker.h"
#include "server/service/call_input.h"
#include "server/service/payload_pump.h"
#include "server/service/stall_watch.h"

namespace airlock::server {

enum class CallKind : uint8_t { kInspect, kLoad };

class LoadCall final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>, public Stallable {
 public:
  // `broker` and `context` must outlive the call.
  LoadCall(Broker& broker, grpc::CallbackServerContext* context, CallKind kind);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  std::chrono::steady_clock::time_point waiting_since() const override;
  void OnStall() override;

 private:
  void PassTurn(Clock::rep waiting_since);
  void TakeTurn();
  void Read();
  void TakeMessage();
  OrVerdict<void> TakeRequest();
  OrVerdict<void> TakeOptions(const v1::LoadRequest& request);
  OrVerdict<void> TakePayloadSocket(const std::string& ticket);
  OrVerdict<void> Enqueue();
  void Decode();
  // Claims memory for the plan until it is read.
  Verdict HoldPlan();
  // Whether the caller has the file itself, and maps it.
  bool mapped() const { return input_.owner() != nullptr; }

  // Ends the working part with `verdict` and starts the answer.
  void Answer(const Verdict& verdict);
  void FillReport();
  // Makes messages for as long as making takes longer than writing, and lets other calls go first now and then.
  void Make();
  DataBy WayOfData() const;
  void SendPayload(const PayloadCursor& payload);
  void OnPayloadSent(OrVerdict<void> sent);
  // Whether the write and the making of the next message have both ended: said to the one that ends later.
  bool BothEnded() { return under_way_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  // Writes the next message, or closes where there is none: then false. REQUIRES: neither is under way.
  bool WriteNext();
  void Close(const Verdict& verdict);
  // Why a read or write failed.
  Verdict VerdictOfBreak(v1::Reason otherwise) const;
  std::string_view MethodName() const;
  void Audit(uint64_t total_us) const;

  Broker& broker_;
  grpc::CallbackServerContext* const context_;
  const CallKind kind_;
  const uint64_t id_;
  const Clock::time_point start_ = Clock::now();
  Cancellation cancellation_;
  std::atomic<bool> stalled_ = false;
  // Of Clock, or max while the call does not wait for its caller.
  std::atomic<Clock::rep> waiting_since_;
  // The same of the payload's socket.
  std::atomic<Clock::rep> payload_waiting_since_;

  grpc::ByteBuffer incoming_;
  OutgoingMessage outgoing_;
  // What Make came to, for whoever ends later.
  OrVerdict<std::optional<OutgoingMessage>> next_{std::nullopt};
  bool written_ = true;
  std::atomic<int> under_way_ = 0;

  const std::optional<Budget::Share> place_;
  // Of the memory for plans. The graph may stay when the call has gone.
  std::optional<Budget::Share> plan_share_;
  std::shared_ptr<const Budget::Share> graph_share_;
  std::optional<v1::LoadOptions> options_;
  SessionOptions session_;
  CallInput input_;
  // Where the payload is to go; nothing: into the answer itself.
  Fd payload_socket_;
  Clock::time_point queued_;
  uint64_t queue_us_ = 0;

  Verdict verdict_;
  SessionResult result_;
  v1::Report report_;
  std::optional<AnswerMessages> answer_;
  // There from the start of the answer on, where the payload goes through a socket.
  std::unique_ptr<PayloadPump> pump_;
};

}  // namespace airlock::server
