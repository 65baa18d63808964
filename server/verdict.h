// Verdict: how one load ended, with the first cause and its particulars.
//
// The one error table is proto/airlock/v1/verdict.proto: this type reads gRPC code, verdict word and sentence from the
// options of the enum values and keeps no copy. Everything a Failure quotes is escaped and capped here, so a Verdict is
// safe to log and to send. A value type; not thread-safe.
#pragma once

#include <grpcpp/support/status.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "airlock/v1/report.pb.h"
#include "airlock/v1/verdict.pb.h"
#include "sandbox/base/expected.h"

namespace airlock::server {

// The rows of the table. Total: a value without options gives the row of INTERNAL.
const v1::ReasonFacts& FactsOf(v1::Reason reason);
const v1::OutcomeFacts& FactsOf(v1::Outcome outcome);

class [[nodiscard]] Verdict {
 public:
  // Success.
  Verdict() = default;
  // `particulars` may quote anybody; empty gives the table's sentence alone.
  explicit Verdict(v1::Reason reason, std::string_view particulars = {});

  static Verdict Limit(std::string_view name, uint64_t limit, uint64_t seen);
  // `layer`: the wall or rule that stopped the worker.
  static Verdict Violation(v1::Reason reason, std::string_view layer);
  // `signal` 0: an exit without an answer.
  static Verdict Crash(uint32_t signal);
  Verdict& At(uint64_t offset);

  // First cause wins: takes `other` only while this one is success.
  void Note(const Verdict& other);

  bool ok() const { return failure_.reason() == v1::REASON_UNSPECIFIED; }
  v1::Reason reason() const { return failure_.reason(); }
  v1::Outcome outcome() const;
  // Unset fields on success.
  const v1::Failure& failure() const { return failure_; }
  // "UPLOAD_TRUNCATED"; "OK" on success.
  std::string_view reason_name() const;
  std::string_view outcome_name() const;

  // With google.rpc.Status{ErrorInfo} as details.
  grpc::Status ToStatus() const;

 private:
  v1::Failure failure_;
};

template <typename T>
using OrVerdict = Expected<T, Verdict>;

inline Unexpected<Verdict> Because(v1::Reason reason, std::string_view particulars = {}) {
  return Unexpected<Verdict>{Verdict(reason, particulars)};
}

}  // namespace airlock::server
