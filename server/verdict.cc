#include "server/verdict.h"

#include <map>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/text.h"

namespace airlock::server {
namespace {

constexpr std::string_view kDomain = "airlock.dev";
constexpr size_t kMessageCap = 512;
constexpr size_t kLayerCap = 128;
constexpr int kRetryAfterSeconds = 1;

std::string_view WithoutPrefix(std::string_view name, std::string_view prefix) {
  return name.substr(0, prefix.size()) == prefix ? name.substr(prefix.size()) : name;
}

// The metadata of ErrorInfo: every particular that a program may want, as text.
std::map<std::string, std::string> Metadata(const v1::Failure& failure) {
  std::map<std::string, std::string> metadata;
  if (failure.has_offset()) metadata["offset"] = std::to_string(failure.offset());
  if (failure.has_limit()) {
    metadata["limit"] = failure.limit().name();
    metadata["limit_value"] = std::to_string(failure.limit().limit());
    metadata["seen"] = std::to_string(failure.limit().seen());
  }
  if (failure.reason() == v1::REASON_DECODER_CRASH) metadata["signal"] = std::to_string(failure.signal());
  if (!failure.layer().empty()) metadata["layer"] = failure.layer();
  return metadata;
}

// The sentence with what the particulars add to it. Where one says all that the other does, that one alone.
std::string Message(const std::string& sentence, std::string_view particulars) {
  if (sentence.find(particulars) != std::string::npos) return sentence;
  std::string escaped = EscapeText(particulars, kMessageCap);
  return particulars.find(sentence) != std::string_view::npos ? escaped : sentence + ": " + escaped;
}

}  // namespace

const v1::ReasonFacts& FactsOf(v1::Reason reason) {
  const auto* value = v1::Reason_descriptor()->FindValueByNumber(reason);
  if (value == nullptr || !value->options().HasExtension(v1::reason)) return FactsOf(v1::REASON_INTERNAL);
  return value->options().GetExtension(v1::reason);
}

const v1::OutcomeFacts& FactsOf(v1::Outcome outcome) {
  const auto* value = v1::Outcome_descriptor()->FindValueByNumber(outcome);
  if (value == nullptr || !value->options().HasExtension(v1::outcome)) return FactsOf(v1::OUTCOME_INTERNAL);
  return value->options().GetExtension(v1::outcome);
}

Verdict::Verdict(v1::Reason reason, std::string_view particulars) {
  failure_.set_reason(reason);
  failure_.set_message(CapText(Message(FactsOf(reason).sentence(), particulars), kMessageCap));
}

Verdict Verdict::Limit(std::string_view name, uint64_t limit, uint64_t seen) {
  Verdict verdict(v1::REASON_LIMIT_EXCEEDED,
                  std::string(name) + ", " + std::to_string(seen) + " of at most " + std::to_string(limit));
  verdict.failure_.mutable_limit()->set_name(EscapeText(name, kLayerCap));
  verdict.failure_.mutable_limit()->set_limit(limit);
  verdict.failure_.mutable_limit()->set_seen(seen);
  return verdict;
}

Verdict Verdict::Violation(v1::Reason reason, std::string_view layer) {
  Verdict verdict(reason, layer);
  verdict.failure_.set_layer(EscapeText(layer, kLayerCap));
  return verdict;
}

Verdict Verdict::Crash(uint32_t signal) {
  Verdict verdict(v1::REASON_DECODER_CRASH,
                  signal == 0 ? "it ended without an answer" : "signal " + std::to_string(signal));
  verdict.failure_.set_signal(signal);
  return verdict;
}

Verdict& Verdict::At(uint64_t offset) {
  failure_.set_offset(offset);
  return *this;
}

void Verdict::Note(const Verdict& other) {
  if (ok()) failure_ = other.failure_;
}

v1::Outcome Verdict::outcome() const { return ok() ? v1::OUTCOME_OK : FactsOf(reason()).outcome(); }

std::string_view Verdict::reason_name() const {
  return ok() ? "OK" : WithoutPrefix(v1::Reason_Name(reason()), "REASON_");
}

std::string_view Verdict::outcome_name() const { return WithoutPrefix(v1::Outcome_Name(outcome()), "OUTCOME_"); }

grpc::Status Verdict::ToStatus() const {
  if (ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(FactsOf(outcome()).grpc_code());
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason_name()));
  info.set_domain(std::string(kDomain));
  for (const auto& [key, value] : Metadata(failure_)) (*info.mutable_metadata())[key] = value;
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(failure_.message());
  status.add_details()->PackFrom(info);
  if (outcome() == v1::OUTCOME_OVERLOADED) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(kRetryAfterSeconds);
    status.add_details()->PackFrom(retry);
  }
  return grpc::Status(code, failure_.message(), status.SerializeAsString());
}

}  // namespace airlock::server
