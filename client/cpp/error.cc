#include "airlock/error.h"

#include <google/protobuf/descriptor.h>

#include <utility>

#include "airlock/checkpoint.h"
#include "airlock/words.h"

namespace airlock {
namespace {

// From the worst on.
constexpr int kExitCodes[] = {1, 78, 70, 69, 66, 64, 2, 0};
constexpr int kBelowMinimum = 78;

}  // namespace

v1::Verdict ClientError::verdict() const {
  if (seen != nullptr && seen->report().verdict() != v1::VERDICT_UNSPECIFIED) {
    // A load of a dangerous file fails, and its verdict stays what it is; other failures speak for themselves.
    if (reason == v1::REASON_DANGEROUS_CONTENT || seen->report().outcome() == outcome) return seen->report().verdict();
  }
  if (reason == v1::REASON_DANGEROUS_CONTENT) return v1::VERDICT_DANGEROUS;
  return FactsOf(outcome).verdict();
}

std::string ClientError::reason_name() const { return reason == v1::REASON_UNSPECIFIED ? Word(outcome) : Word(reason); }

const v1::OutcomeFacts& FactsOf(v1::Outcome outcome) {
  const auto* row = v1::Outcome_descriptor()->FindValueByNumber(outcome);
  if (row == nullptr || !row->options().HasExtension(v1::outcome)) {
    row = v1::Outcome_descriptor()->FindValueByNumber(v1::OUTCOME_INTERNAL);
  }
  return row->options().GetExtension(v1::outcome);
}

const v1::ReasonFacts& FactsOf(v1::Reason reason) {
  const auto* row = v1::Reason_descriptor()->FindValueByNumber(reason);
  if (row == nullptr || !row->options().HasExtension(v1::reason)) {
    row = v1::Reason_descriptor()->FindValueByNumber(v1::REASON_INTERNAL);
  }
  return row->options().GetExtension(v1::reason);
}

int ExitCodeOf(v1::Verdict verdict) {
  auto of = [](v1::Outcome outcome) { return static_cast<int>(FactsOf(outcome).exit_code()); };
  switch (verdict) {
    case v1::VERDICT_CLEAN:
    case v1::VERDICT_UNKNOWN_TYPES:
      return of(v1::OUTCOME_OK);
    case v1::VERDICT_DANGEROUS:
    case v1::VERDICT_REFUSED:
      return of(v1::OUTCOME_REFUSED);
    default:
      return of(v1::OUTCOME_MALFORMED);
  }
}

int WorseExitCode(int a, int b) {
  for (int code : kExitCodes) {
    if (a == code || b == code) return code;
  }
  return a;
}

ClientError MakeError(v1::Reason reason, std::string message) {
  const v1::ReasonFacts& facts = FactsOf(reason);
  if (message.empty()) message = facts.sentence();
  return ClientError{facts.outcome(), reason, std::move(message),
                     static_cast<int>(FactsOf(facts.outcome()).exit_code()), nullptr};
}

ClientError MakeError(v1::Outcome outcome, std::string message) {
  return ClientError{outcome, v1::REASON_UNSPECIFIED, std::move(message),
                     static_cast<int>(FactsOf(outcome).exit_code()), nullptr};
}

ClientError MakeError(const v1::Report& report) {
  const v1::Failure& failure = report.failure();
  ClientError error = MakeError(failure.reason(), failure.message());
  error.outcome = report.outcome();
  error.exit_code = static_cast<int>(FactsOf(report.outcome()).exit_code());
  return error;
}

ClientResult<void> CheckPosture(v1::Posture posture, v1::Posture minimum) {
  if (posture >= minimum) return {};
  ClientError error =
      MakeError(v1::OUTCOME_UNAVAILABLE,
                "the daemon's walls are " + Word(posture) + ", below the minimum that was asked for: " + Word(minimum));
  error.exit_code = kBelowMinimum;
  return Unexpected{std::move(error)};
}

}  // namespace airlock
