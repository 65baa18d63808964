#include "client/cpp/status.h"

#include <string>
#include <utility>

#include "airlock/words.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace airlock {
namespace {

constexpr const char* kDomain = "airlock.dev";

struct CodeRow {
  grpc::StatusCode code;
  v1::Outcome outcome;
  const char* sentence;
};

// Codes that the transport gives by itself. Any other without details is an error of the daemon's.
constexpr CodeRow kCodes[] = {
    {grpc::StatusCode::CANCELLED, v1::OUTCOME_CANCELLED, "the call was cancelled"},
    {grpc::StatusCode::DEADLINE_EXCEEDED, v1::OUTCOME_TIMEOUT, "no answer within the time allowed"},
    {grpc::StatusCode::RESOURCE_EXHAUSTED, v1::OUTCOME_OVERLOADED, "the daemon is overloaded"},
    {grpc::StatusCode::UNAVAILABLE, v1::OUTCOME_UNAVAILABLE, "the daemon cannot be reached"},
    {grpc::StatusCode::UNAUTHENTICATED, v1::OUTCOME_UNAVAILABLE, "the daemon does not know this caller"},
    {grpc::StatusCode::PERMISSION_DENIED, v1::OUTCOME_UNAVAILABLE, "the daemon does not serve this caller"},
    {grpc::StatusCode::UNIMPLEMENTED, v1::OUTCOME_UNAVAILABLE, "what answers at this address is no Airlock daemon"},
};

v1::Reason ReasonIn(const std::string& details) {
  google::rpc::Status rich;
  if (!rich.ParseFromString(details)) return v1::REASON_UNSPECIFIED;
  for (const auto& detail : rich.details()) {
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&info) && info.domain() == kDomain) return ReasonOf(info.reason());
  }
  return v1::REASON_UNSPECIFIED;
}

}  // namespace

ClientError ErrorFromStatus(const grpc::Status& status) {
  if (const v1::Reason reason = ReasonIn(status.error_details()); reason != v1::REASON_UNSPECIFIED) {
    return MakeError(reason, status.error_message());
  }
  const std::string detail = status.error_message().empty() ? "" : ": " + status.error_message();
  for (const CodeRow& row : kCodes) {
    if (row.code == status.error_code()) return MakeError(row.outcome, row.sentence + detail);
  }
  return MakeError(v1::OUTCOME_INTERNAL, "the daemon failed" + detail);
}

}  // namespace airlock
