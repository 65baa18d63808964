#include "server/service/load_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/auth_context.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "server/limits.h"
#include "server/log.h"
#include "server/service/rounds.h"
#include "server/validate/plan_memory.h"
#include "server/validate/selection.h"

namespace airlock::server {
namespace {

// Of what a job may be, a small part.
constexpr size_t kMaxMember = 1024;
// Messages that one call makes before others have their turn on its thread: the whole answer of a small load.
constexpr int kTurns = 8;
constexpr Clock::rep kNotWaiting = std::numeric_limits<Clock::rep>::max();

template <typename Message>
bool Parse(grpc::ByteBuffer* bytes, Message* message) {
  return grpc::SerializationTraits<Message>::Deserialize(bytes, message).ok();
}

uint64_t Microseconds(Clock::duration duration) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

// The certificate's name, or where the caller connects from.
std::string PeerOf(const grpc::CallbackServerContext& context) {
  const auto identity = context.auth_context()->GetPeerIdentity();
  return identity.empty() ? context.peer() : std::string(identity.front().data(), identity.front().size());
}

}  // namespace

LoadCall::LoadCall(Broker& broker, grpc::CallbackServerContext* context, CallKind kind)
    : broker_(broker),
      context_(context),
      kind_(kind),
      id_(broker.next_request++),
      waiting_since_(kNotWaiting),
      payload_waiting_since_(kNotWaiting),
      place_(broker.calls.Take(1)),
      input_(broker, *context, session_.limits) {
  broker_.stalls.Add(this);
  Read();
}

// Whoever ends a turn starts the next one, on another thread perhaps: what was written before PassTurn is seen after
// TakeTurn, whatever gRPC does between them.
void LoadCall::PassTurn(Clock::rep waiting_since) { waiting_since_.store(waiting_since, std::memory_order_release); }
void LoadCall::TakeTurn() { waiting_since_.exchange(kNotWaiting, std::memory_order_acq_rel); }

void LoadCall::Read() {
  incoming_.Clear();
  PassTurn(Clock::now().time_since_epoch().count());
  StartRead(&incoming_);
}

void LoadCall::OnReadDone(bool ok) {
  TakeTurn();
  if (!ok) {
    return Close(VerdictOfBreak(options_ ? v1::REASON_UPLOAD_TRUNCATED : v1::REASON_BAD_REQUEST));
  }
  broker_.files.Post([this] { TakeMessage(); });
}

OrVerdict<void> LoadCall::TakeRequest() {
  if (input_.arriving()) {
    if (const auto chunk = ChunkView::Of(incoming_)) return input_.TakeChunk(*chunk);
  }
  v1::LoadRequest request;
  if (!Parse(&incoming_, &request)) return Because(v1::REASON_BAD_REQUEST, "not a request");
  if (!options_) return TakeOptions(request);
  if (request.has_chunk() && input_.arriving()) return input_.TakeChunk(ChunkView::Of(request.chunk()));
  return Because(v1::REASON_BAD_REQUEST, "options twice");
}

void LoadCall::TakeMessage() {
  auto taken = TakeRequest();
  if (!taken.ok()) return Answer(taken.error());
  if (input_.arriving()) return Read();
  auto queued = Enqueue();
  if (!queued.ok()) Answer(queued.error());
}

OrVerdict<void> LoadCall::TakeOptions(const v1::LoadRequest& request) {
  options_.emplace(request.options());
  input_.Announce(options_->source());
  if (!request.has_options()) return Because(v1::REASON_BAD_REQUEST, "the first message has no options");
  if (broker_.draining) return Because(v1::REASON_DRAINING);
  if (!place_) return Because(v1::REASON_QUEUE_FULL, "more calls at a time than --max-calls");
  AIRLOCK_ASSIGN(session_.limits, Lower(broker_.options.limits, options_->limits()));
  session_.rewrite = kind_ == CallKind::kLoad;
  session_.member = options_->source().member();
  if (session_.member.size() > kMaxMember) return Because(v1::REASON_BAD_REQUEST, "a member's name of that length");
  AIRLOCK_TRY(CheckGlobs(options_->select()));
  const bool by_ticket = options_->source().has_ticket();
  if (options_->delivery() == (by_ticket ? v1::DELIVERY_STREAM : v1::DELIVERY_MAPPED)) {
    return Because(v1::REASON_BAD_REQUEST, "a ticket's files are mapped, and no others");
  }
  const std::string& payload_ticket = options_->payload_ticket();
  if (kind_ == CallKind::kLoad && !payload_ticket.empty()) AIRLOCK_TRY(TakePayloadSocket(payload_ticket));
  return input_.Take(options_->source());
}

OrVerdict<void> LoadCall::TakePayloadSocket(const std::string& ticket) {
  if (options_->source().has_ticket()) return Because(v1::REASON_BAD_REQUEST, "a ticket's files are mapped");
  AIRLOCK_TRY(CheckLocal(*context_));
  AIRLOCK_ASSIGN(TicketBook::Lot lot, broker_.descriptors.payloads().Redeem(ticket));
  payload_socket_ = std::move(lot.files.front());
  return {};
}

OrVerdict<void> LoadCall::Enqueue() {
  queued_ = Clock::now();
  if (broker_.draining) return Because(v1::REASON_DRAINING);
  if (!broker_.loads.TryPost([this] { Decode(); }, context_->deadline())) return Because(v1::REASON_QUEUE_FULL);
  return {};
}

void LoadCall::Decode() {
  queue_us_ = Microseconds(Clock::now() - queued_);
  if (cancellation_.cancelled()) return Answer(Verdict(v1::REASON_CANCELLED));
  if (broker_.draining) return Answer(Verdict(v1::REASON_DRAINING));
  if (auto opened = input_.Open(); !opened.ok()) return Answer(opened.error());
  const bool selects = kind_ == CallKind::kLoad && options_->select_size() > 0;
  result_ = RunRounds(broker_, *input_.file(), session_, selects ? options_->select() : Globs(), cancellation_);
  if (const Verdict held = HoldPlan(); !held.ok()) return Answer(held);
  const bool dangerous = result_.concluded && result_.conclusion.judgement == v1::VERDICT_DANGEROUS;
  if (result_.verdict.ok() && kind_ == CallKind::kLoad && dangerous && !options_->inert()) {
    return Answer(Verdict(v1::REASON_DANGEROUS_CONTENT));
  }
  Answer(result_.verdict);
}

Verdict LoadCall::HoldPlan() {
  if (!result_.concluded) return {};
  const Conclusion& conclusion = result_.conclusion;
  plan_share_ = broker_.plan_bytes.Take(HeldBytes(*conclusion.plan));
  auto graph_share = broker_.plan_bytes.Take(conclusion.graph == nullptr ? 0 : conclusion.graph->memory());
  if (plan_share_ && graph_share) {
    graph_share_ = std::make_shared<const Budget::Share>(std::move(*graph_share));
    return {};
  }
  plan_share_.reset();
  result_ = {};
  return Verdict(v1::REASON_QUEUE_FULL, "answers that callers are slow to read hold all the memory there is for them");
}

void LoadCall::Answer(const Verdict& verdict) {
  verdict_.Note(verdict);
  if (verdict_.outcome() == v1::OUTCOME_CANCELLED) return Close(verdict_);
  FillReport();
  answer_.emplace(broker_, report_,
                  AnswerMessages::Subject{verdict_.ok(), input_.file(), result_, WayOfData(), input_.owner(),
                                          options_ && options_->graph_file(), graph_share_});
  next_ = answer_->Next();
  if (WriteNext()) Make();
}

DataBy LoadCall::WayOfData() const {
  if (kind_ == CallKind::kInspect) return DataBy::kNothing;
  if (mapped()) return DataBy::kTicket;
  return payload_socket_ ? DataBy::kSocket : DataBy::kStream;
}

void LoadCall::FillReport() {
  report_.set_verdict(WordOf(verdict_, result_));
  report_.set_outcome(verdict_.outcome());
  if (!verdict_.ok()) *report_.mutable_failure() = verdict_.failure();
  if (const Input* file = input_.file(); file != nullptr) {
    report_.set_size(file->size());
    *report_.mutable_files() = file->files();
  }
  report_.set_sha256(input_.sha256());
  report_.set_posture(static_cast<v1::Posture>(result_.posture));
  report_.mutable_timing()->set_queue_us(queue_us_);
  report_.mutable_timing()->set_decode_us(result_.decode_us);
  report_.mutable_timing()->set_validate_us(result_.validate_us);
  if (!result_.concluded) return;
  report_.set_format(result_.conclusion.format);
  *report_.mutable_totals() = result_.conclusion.totals;
  *report_.mutable_nested() = result_.conclusion.nested;
}

void LoadCall::Make() {
  for (int turn = 0; turn < kTurns; ++turn) {
    if (auto payload = answer_->TakePayload()) return SendPayload(*payload);
    next_ = answer_->Next();
    if (!BothEnded() || !WriteNext()) return;
  }
  broker_.files.Post([this] { Make(); });
}

void LoadCall::SendPayload(const PayloadCursor& payload) {
  pump_ = std::make_unique<PayloadPump>(broker_.pumps, broker_.sockets, std::move(payload_socket_), payload,
                                        cancellation_, payload_waiting_since_);
  pump_->Start([this](OrVerdict<void> sent) { OnPayloadSent(std::move(sent)); });
}

void LoadCall::OnPayloadSent(OrVerdict<void> sent) {
  if (sent.ok()) return broker_.files.Post([this] { Make(); });
  const bool given_up = stalled_ || cancellation_.cancelled();
  next_ = Unexpected{given_up ? VerdictOfBreak(v1::REASON_CANCELLED) : std::move(sent).error()};
  if (BothEnded()) WriteNext();
}

void LoadCall::OnWriteDone(bool ok) {
  TakeTurn();
  written_ = ok;
  if (BothEnded() && WriteNext()) broker_.files.Post([this] { Make(); });
}

bool LoadCall::WriteNext() {
  const bool over = !written_ || !next_.ok() || !next_.value();
  if (over) {
    Close(!written_ ? VerdictOfBreak(v1::REASON_CANCELLED) : next_.ok() ? verdict_ : next_.error());
    return false;
  }
  outgoing_.bytes.Clear();
  outgoing_.bytes.Swap(&next_.value()->bytes);
  outgoing_.share = std::move(next_.value()->share);
  under_way_.store(2, std::memory_order_release);
  PassTurn(Clock::now().time_since_epoch().count());
  // Never a buffer hint on the first write: gRPC 1.51 then hangs for ever.
  StartWrite(&outgoing_.bytes);
  return true;
}

Verdict LoadCall::VerdictOfBreak(v1::Reason otherwise) const {
  if (stalled_) return Verdict(v1::REASON_STALLED_CALLER);
  if (cancellation_.cancelled()) return Verdict(v1::REASON_CANCELLED);
  return Verdict(otherwise, "the stream ended");
}

void LoadCall::OnCancel() { cancellation_.Cancel(); }

std::chrono::steady_clock::time_point LoadCall::waiting_since() const {
  return Clock::time_point(Clock::duration(std::min(waiting_since_.load(), payload_waiting_since_.load())));
}

void LoadCall::OnStall() {
  stalled_ = true;
  context_->TryCancel();
}

void LoadCall::Close(const Verdict& verdict) {
  verdict_ = verdict;
  broker_.stalls.Remove(this);
  const uint64_t total_us = Microseconds(Clock::now() - start_);
  broker_.metrics.Note({MethodName(), report_.format(), verdict_, report_.size(), queue_us_, result_.decode_us,
                        result_.validate_us, total_us});
  Audit(total_us);
  const grpc::Status status = verdict_.ToStatus();
  PassTurn(kNotWaiting);
  // Nothing of the call may be touched after this.
  Finish(status);
}

void LoadCall::OnDone() {
  TakeTurn();
  delete this;
}

std::string_view LoadCall::MethodName() const { return kind_ == CallKind::kLoad ? "Load" : "Inspect"; }

void LoadCall::Audit(uint64_t total_us) const {
  const Peer* owner = input_.owner();
  LogInfo("load",
          {{"request_id", id_},
           {"method", std::string(MethodName())},
           // Of a ticket: whom the kernel named when it was issued.
           {"peer", owner != nullptr ? "pid:" + std::to_string(owner->pid) + ",uid:" + std::to_string(owner->uid)
                                     : PeerOf(*context_)},
           {"source", std::string(input_.way())},
           {"name", input_.name()},
           {"size", report_.size()},
           {"format", v1::Format_Name(report_.format())},
           {"verdict", v1::Verdict_Name(WordOf(verdict_, result_))},
           {"outcome", std::string(verdict_.outcome_name())},
           {"reason", std::string(verdict_.reason_name())},
           {"message", verdict_.failure().message()},
           {"queue_us", queue_us_},
           {"decode_us", result_.decode_us},
           {"validate_us", result_.validate_us},
           {"total_us", total_us}});
}

}  // namespace airlock::server
