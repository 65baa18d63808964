#include "server/service/load_call.h"

#include <fcntl.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/auth_context.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "server/limits.h"
#include "server/log.h"
#include "server/validate/selection.h"

namespace airlock::server {
namespace {

// Of what a job may be, a small part.
constexpr size_t kMaxMember = 1024;
// A job has room for them.
constexpr size_t kMaxWantedSpans = 64;
// Messages that one call makes before others have their turn on its thread: the whole answer of a small load.
constexpr int kTurns = 8;
constexpr Clock::rep kNotWaiting = std::numeric_limits<Clock::rep>::max();

template <typename Message>
bool Parse(grpc::ByteBuffer* bytes, Message* message) {
  return grpc::SerializationTraits<Message>::Deserialize(bytes, message).ok();
}

std::optional<OutgoingMessage> Encode(const v1::LoadResponse& response) {
  OutgoingMessage message;
  bool own = false;
  (void)grpc::SerializationTraits<v1::LoadResponse>::Serialize(response, &message.bytes, &own);
  return message;
}

uint64_t Microseconds(Clock::duration duration) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

v1::Posture ToProto(walls::Posture posture) { return static_cast<v1::Posture>(posture); }

// The certificate's name, or where the caller connects from.
std::string PeerOf(const grpc::CallbackServerContext& context) {
  const auto identity = context.auth_context()->GetPeerIdentity();
  return identity.empty() ? context.peer() : std::string(identity.front().data(), identity.front().size());
}

std::string_view WordOf(const v1::Source& source) {
  switch (source.source_case()) {
    case v1::Source::kPath:
      return "path";
    case v1::Source::kUpload:
      return "upload";
    case v1::Source::kTicket:
      return "ticket";
    default:
      return "none";
  }
}

// The one word about a file. What would run code is dangerous, also where the file breaks off afterwards.
v1::Verdict WordOf(const Verdict& verdict, const SessionResult& result) {
  if (verdict.reason() == v1::REASON_DANGEROUS_CONTENT) return v1::VERDICT_DANGEROUS;
  if (result.concluded && (verdict.ok() || result.conclusion.judgement == v1::VERDICT_DANGEROUS)) {
    return result.conclusion.judgement;
  }
  return FactsOf(verdict.outcome()).verdict();
}

}  // namespace

LoadCall::LoadCall(Broker& broker, grpc::CallbackServerContext* context, CallKind kind)
    : broker_(broker),
      context_(context),
      kind_(kind),
      id_(broker.next_request++),
      waiting_since_(kNotWaiting),
      place_(broker.calls.Take(1)) {
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
  if (upload_) {
    if (const auto chunk = ChunkView::Of(incoming_)) return TakeChunk(*chunk);
  }
  v1::LoadRequest request;
  if (!Parse(&incoming_, &request)) return Because(v1::REASON_BAD_REQUEST, "not a request");
  if (!options_) return TakeOptions(request);
  if (request.has_chunk()) return TakeChunk(ChunkView::Of(request.chunk()));
  return Because(v1::REASON_BAD_REQUEST, "options twice");
}

void LoadCall::TakeMessage() {
  auto taken = TakeRequest();
  if (!taken.ok()) return Answer(taken.error());
  if (upload_ && !upload_->finished()) return Read();
  auto queued = Enqueue();
  if (!queued.ok()) Answer(queued.error());
}

OrVerdict<void> LoadCall::TakeOptions(const v1::LoadRequest& request) {
  options_.emplace(request.options());
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
  return TakeSource(options_->source());
}

OrVerdict<void> LoadCall::TakeSource(const v1::Source& source) {
  switch (source.source_case()) {
    case v1::Source::kPath:
      return {};
    case v1::Source::kUpload: {
      AIRLOCK_ASSIGN(upload_, UploadSource::Open(broker_.options.spool_directory, source.upload(), session_.limits));
      return {};
    }
    case v1::Source::kTicket:
      return TakeTicket(source.ticket());
    default:
      return Because(v1::REASON_BAD_REQUEST, "no source");
  }
}

OrVerdict<void> LoadCall::TakeTicket(const std::string& ticket) {
  // Descriptors are for this machine; nobody else can have come by a ticket honestly.
  if (!context_->peer().starts_with("unix:")) return Because(v1::REASON_BAD_REQUEST, "tickets are for the unix socket");
  AIRLOCK_ASSIGN(TicketBook::Lot lot, broker_.descriptors.inputs().Redeem(ticket));
  owner_ = lot.owner;
  name_ = std::move(lot.name);
  AIRLOCK_ASSIGN(InputFile file, InputFile::Take(std::move(lot.files.front()), InputFile::Facts::kKnownHere));
  input_.emplace(std::move(file));
  return CheckInputSize();
}

OrVerdict<void> LoadCall::TakeChunk(const ChunkView& chunk) {
  AIRLOCK_TRY(upload_->Add(chunk));
  if (!upload_->finished()) return {};
  AIRLOCK_ASSIGN(input_, upload_->Finish(&sha256_));
  upload_.reset();
  return {};
}

OrVerdict<void> LoadCall::Enqueue() {
  queued_ = Clock::now();
  if (broker_.draining) return Because(v1::REASON_DRAINING);
  if (!broker_.loads.TryPost([this] { Decode(); }, context_->deadline())) return Because(v1::REASON_QUEUE_FULL);
  return {};
}

OrVerdict<void> LoadCall::OpenPath() {
  if (input_) return {};
  AIRLOCK_ASSIGN(Input opened, broker_.paths.OpenInput(options_->source().path(), MaxFiles(session_.limits)));
  auto share = broker_.input_files.Take(opened.fds().size());
  if (!share) return Because(v1::REASON_QUEUE_FULL, "too many files are open for other calls");
  files_share_.emplace(std::move(*share));
  input_.emplace(std::move(opened));
  return CheckInputSize();
}

OrVerdict<void> LoadCall::CheckInputSize() const {
  const uint64_t most = session_.limits.input_bytes;
  if (input_->size() > most) return Unexpected<Verdict>{Verdict::Limit("input_bytes", most, input_->size())};
  return {};
}

void LoadCall::Decode() {
  queue_us_ = Microseconds(Clock::now() - queued_);
  if (cancellation_.cancelled()) return Answer(Verdict(v1::REASON_CANCELLED));
  if (broker_.draining) return Answer(Verdict(v1::REASON_DRAINING));
  if (auto opened = OpenPath(); !opened.ok()) return Answer(opened.error());
  RunSessions();
  if (const Verdict held = HoldPlan(); !held.ok()) return Answer(held);
  const bool dangerous = result_.concluded && result_.conclusion.judgement == v1::VERDICT_DANGEROUS;
  if (result_.verdict.ok() && kind_ == CallKind::kLoad && dangerous && !options_->inert()) {
    return Answer(Verdict(v1::REASON_DANGEROUS_CONTENT));
  }
  Answer(result_.verdict);
}

// Names are made here, from a whole plan. So a selection takes one worker for the plan, and another one where what was
// chosen has to be inflated or swapped: that alone, where it is worth the difference.
void LoadCall::RunSessions() {
  if (selects()) {
    session_.rewrite = false;
    session_.wanted.emplace();
  }
  result_ = RunSession(broker_.pool, *input_, session_, cancellation_);
  if (!selects()) return;
  LeaveOut();
  if (!result_.verdict.ok()) return;
  session_.wanted = OutputSpans(result_.conclusion.plan.storages(), kMaxWantedSpans);
  if (session_.wanted->empty()) return;
  session_.rewrite = true;
  result_ = RunSession(broker_.pool, *input_, session_, cancellation_);
  LeaveOut();
}

void LoadCall::LeaveOut() {
  if (!result_.verdict.ok()) return;
  const auto bytes = Select(options_->select(), result_.conclusion.plan);
  if (bytes.ok()) {
    result_.conclusion.totals.set_payload_bytes(*bytes);
  } else {
    result_.verdict = bytes.error();
  }
}

Verdict LoadCall::HoldPlan() {
  if (!result_.concluded) return {};
  auto share = broker_.plan_bytes.Take(result_.conclusion.plan.SpaceUsedLong());
  if (share) {
    plan_share_.emplace(std::move(*share));
    return {};
  }
  result_ = {};
  return Verdict(v1::REASON_QUEUE_FULL, "answers that callers are slow to read hold all the memory there is for them");
}

void LoadCall::Answer(const Verdict& verdict) {
  verdict_.Note(verdict);
  if (verdict_.outcome() == v1::OUTCOME_CANCELLED) return Close(verdict_);
  FillReport();
  if (result_.concluded) {
    auto& plan = result_.conclusion.plan;
    if (!verdict_.ok()) {
      // What was met is of use to whoever wants to know why.
      v1::PlanChunk inventory;
      inventory.mutable_symbols()->Swap(plan.mutable_symbols());
      inventory.mutable_findings()->Swap(plan.mutable_findings());
      plan = std::move(inventory);
    }
    plan_.emplace(plan);
    if (verdict_.ok() && kind_ == CallKind::kLoad && !mapped()) {
      payload_.emplace(plan.storages(), *input_, result_.output.get(), broker_.piece_bytes);
    }
  }
  next_ = NextMessage();
  if (WriteNext()) Make();
}

void LoadCall::FillReport() {
  report_.set_verdict(WordOf(verdict_, result_));
  report_.set_outcome(verdict_.outcome());
  if (!verdict_.ok()) *report_.mutable_failure() = verdict_.failure();
  if (input_) {
    report_.set_size(input_->size());
    *report_.mutable_files() = input_->files();
  }
  report_.set_sha256(sha256_);
  report_.set_posture(ToProto(result_.posture));
  report_.mutable_timing()->set_queue_us(queue_us_);
  report_.mutable_timing()->set_decode_us(result_.decode_us);
  report_.mutable_timing()->set_validate_us(result_.validate_us);
  if (!result_.concluded) return;
  report_.set_format(result_.conclusion.format);
  *report_.mutable_totals() = result_.conclusion.totals;
  *report_.mutable_nested() = result_.conclusion.nested;
}

// Falls through phases that have nothing (more) to write.
OrVerdict<std::optional<OutgoingMessage>> LoadCall::NextMessage() {
  v1::LoadResponse response;
  if (phase_ == Phase::kReport) {
    phase_ = Phase::kPlan;
    *response.mutable_report() = report_;
    return Encode(response);
  }
  if (phase_ == Phase::kPlan) {
    if (plan_ && plan_->Next(*response.mutable_plan())) return Encode(response);
    phase_ = Phase::kData;
  }
  if (phase_ == Phase::kData) {
    if (payload_ && !payload_->AtEnd()) {
      AIRLOCK_ASSIGN(OutgoingMessage piece, payload_->Next());
      return std::optional(std::move(piece));
    }
    phase_ = Phase::kTicket;
  }
  if (phase_ == Phase::kTicket) {
    phase_ = Phase::kStatus;
    if (verdict_.ok() && kind_ == CallKind::kLoad && mapped()) {
      AIRLOCK_ASSIGN(*response.mutable_output_ticket(), OutputTicket());
      return Encode(response);
    }
  }
  if (verdict_.ok() && input_) {
    // The bytes that went out are those that were validated, or the caller learns that they are not.
    AIRLOCK_TRY(input_->CheckUnchanged());
  }
  return std::optional<OutgoingMessage>();
}

OrVerdict<std::string> LoadCall::OutputTicket() {
  const auto& places = result_.conclusion.plan.storages().place();
  if (std::find(places.begin(), places.end(), v1::PLACE_OUTPUT) == places.end()) return std::string();
  // A description of its own, for reading only. The seals hold for all of them.
  const std::string path = "/proc/self/fd/" + std::to_string(result_.output.get());
  Fd reopened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reopened) return Because(v1::REASON_INTERNAL, std::string("cannot reopen the output: ") + std::strerror(errno));
  TicketBook::Lot lot{{}, *owner_};
  lot.files.push_back(std::move(reopened));
  return broker_.descriptors.outputs().Issue(std::move(lot));
}

void LoadCall::Make() {
  for (int turn = 0; turn < kTurns; ++turn) {
    next_ = NextMessage();
    if (!BothEnded() || !WriteNext()) return;
  }
  broker_.files.Post([this] { Make(); });
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
  return Clock::time_point(Clock::duration(waiting_since_.load()));
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
  const v1::Source& source = options_ ? options_->source() : v1::Source::default_instance();
  const std::string name = owner_ ? name_ : source.has_upload() ? source.upload().name() : source.path();
  LogInfo("load", {{"request_id", id_},
                   {"method", std::string(MethodName())},
                   // Of a ticket: whom the kernel named when it was issued.
                   {"peer", owner_ ? "pid:" + std::to_string(owner_->pid) + ",uid:" + std::to_string(owner_->uid)
                                   : PeerOf(*context_)},
                   {"source", std::string(WordOf(source))},
                   {"name", name},
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
