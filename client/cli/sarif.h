// SARIF 2.1.0: the pieces of a log of one run, in the order in which they must be written. The rules come last, for
// only then is it known which of them results use; a JSON object has no order.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "client/cli/json_writer.h"

namespace airlock::cli {

struct SarifResult {
  // A reason, the id of a finding, or one of the two below.
  std::string rule;
  // note, warning or error.
  const char* level;
  std::string message;
  uint64_t offset = 0;
};

inline constexpr char kUndeterminedRule[] = "UNDETERMINED";
inline constexpr char kUnknownTypeRule[] = "unknown-type";

using SarifRules = std::set<std::string>;

void BeginSarif(JsonWriter& json);
void WriteSarifResult(JsonWriter& json, const std::string& file, const SarifResult& result);
// `rules`: of all results.
void EndSarif(JsonWriter& json, const SarifRules& rules);

}  // namespace airlock::cli
