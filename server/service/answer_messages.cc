#include "server/service/answer_messages.h"

#include <fcntl.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/validate/validator.h"

namespace airlock::server {
namespace {

// Below, copies cost less than the way to the fd socket and back.
constexpr uint64_t kWorthAFile = uint64_t{256} << 10;

std::optional<OutgoingMessage> Encode(const v1::LoadResponse& response) {
  OutgoingMessage message;
  bool own = false;
  (void)grpc::SerializationTraits<v1::LoadResponse>::Serialize(response, &message.bytes, &own);
  return message;
}

}  // namespace

v1::Verdict WordOf(const Verdict& verdict, const SessionResult& result) {
  if (verdict.reason() == v1::REASON_DANGEROUS_CONTENT) return v1::VERDICT_DANGEROUS;
  if (result.concluded && (verdict.ok() || result.conclusion.judgement == v1::VERDICT_DANGEROUS)) {
    return result.conclusion.judgement;
  }
  return FactsOf(verdict.outcome()).verdict();
}

AnswerMessages::AnswerMessages(Broker& broker, v1::Report report, const Subject& subject)
    : broker_(broker), report_(std::move(report)), subject_(subject) {
  const SessionResult& result = subject.result;
  if (!result.concluded) return;
  // What was met is of use to whoever wants to know why it failed.
  if (!subject.succeeded) {
    subject.result.conclusion.plan = InventoryOf(*subject.result.conclusion.plan);
    subject.result.conclusion.graph = nullptr;
  }
  graph_goes_as_file_ = GraphGoesAsFile();
  plan_.emplace(result.conclusion.plan, graph_goes_as_file_ ? nullptr : result.conclusion.graph);
  if (!subject.succeeded) return;
  const PayloadCursor payload(result.conclusion.plan->storages(), *subject.input, result.output.get());
  if (subject.data == DataBy::kStream) data_.emplace(payload, broker.piece_bytes);
  if (subject.data == DataBy::kSocket) payload_.emplace(payload);
}

// Falls through phases that have nothing (more) to say.
OrVerdict<std::optional<OutgoingMessage>> AnswerMessages::Next() {
  v1::LoadResponse response;
  if (phase_ == Phase::kReport) {
    phase_ = Phase::kPlan;
    *response.mutable_report() = report_;
    return Encode(response);
  }
  if (phase_ == Phase::kPlan) {
    if (auto piece = plan_ ? plan_->Next() : std::nullopt) {
      return std::optional(OutgoingMessage{std::move(*piece), std::nullopt});
    }
    phase_ = Phase::kGraph;
  }
  if (phase_ == Phase::kGraph) {
    phase_ = Phase::kData;
    // Not before: a ticket is good for a short time, and the caller may take long to read what came so far.
    if (std::exchange(graph_goes_as_file_, false)) {
      if (auto file = OfferGraph()) {
        *response.mutable_graph_file() = std::move(*file);
        return Encode(response);
      }
      plan_.emplace(std::make_shared<v1::PlanChunk>(), subject_.result.conclusion.graph);
      phase_ = Phase::kPlan;
      return Next();
    }
  }
  if (phase_ == Phase::kData) {
    if (data_ && !data_->AtEnd()) {
      AIRLOCK_ASSIGN(OutgoingMessage piece, data_->Next());
      return std::optional(std::move(piece));
    }
    phase_ = Phase::kSize;
  }
  if (phase_ == Phase::kSize) {
    phase_ = Phase::kTicket;
    if (payload_) {
      response.set_payload_size(payload_->remaining());
      return Encode(response);
    }
  }
  if (phase_ == Phase::kTicket) {
    phase_ = Phase::kEnd;
    if (subject_.succeeded && subject_.data == DataBy::kTicket) {
      AIRLOCK_ASSIGN(*response.mutable_output_ticket(), OutputTicket());
      return Encode(response);
    }
  }
  if (subject_.succeeded && subject_.input != nullptr) {
    // The bytes that went out are those that were validated, or the caller learns that they are not.
    AIRLOCK_TRY(subject_.input->CheckUnchanged());
  }
  return std::optional<OutgoingMessage>();
}

std::optional<PayloadCursor> AnswerMessages::TakePayload() {
  if (phase_ != Phase::kTicket) return std::nullopt;  // it is not announced yet, or was taken
  return std::exchange(payload_, std::nullopt);
}

OrVerdict<std::string> AnswerMessages::TicketFor(int fd, TicketBook& book, std::shared_ptr<const void> share) {
  // A description of its own, for reading only. The seals hold for all of them.
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  Fd reopened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reopened) return Because(v1::REASON_INTERNAL, std::string("cannot reopen a file: ") + std::strerror(errno));
  TicketBook::Lot lot{{}, *subject_.owner};
  lot.files.push_back(std::move(reopened));
  lot.share = std::move(share);
  return book.Issue(std::move(lot));
}

// Empty where no storage lies in the output.
OrVerdict<std::string> AnswerMessages::OutputTicket() {
  const auto& places = subject_.result.conclusion.plan->storages().place();
  if (std::find(places.begin(), places.end(), v1::PLACE_OUTPUT) == places.end()) return std::string();
  return TicketFor(subject_.result.output.get(), broker_.descriptors.outputs());
}

bool AnswerMessages::GraphGoesAsFile() const {
  const SealedGraph* const graph = subject_.result.conclusion.graph.get();
  return graph != nullptr && subject_.graph_file && subject_.owner != nullptr && graph->memory() >= kWorthAFile;
}

std::optional<v1::GraphFile> AnswerMessages::OfferGraph() {
  const SealedGraph& graph = *subject_.result.conclusion.graph;
  auto ticket = TicketFor(graph.fd(), broker_.descriptors.graphs(), subject_.graph_share);
  if (!ticket.ok()) return std::nullopt;
  v1::GraphFile file;
  *file.mutable_ticket() = std::move(ticket).value();
  for (size_t i = 0; i < kGraphColumns; ++i) {
    file.add_offset(graph.offset(i));
    file.add_bytes(graph.lengths()[i]);
  }
  return file;
}

}  // namespace airlock::server
