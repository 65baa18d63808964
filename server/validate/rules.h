// The rules of the validator by name. Rows: rules.def.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "server/verdict.h"

namespace airlock::server {

enum class Rule : uint8_t {
#define AIRLOCK_RULE(name, id, why) name,
#include "server/validate/rules.def"
#undef AIRLOCK_RULE
};

struct RuleRow {
  Rule rule;
  std::string_view id;
  std::string_view why;
};

std::span<const RuleRow> Rules();

// The verdict on a worker that breaks `rule`.
Unexpected<Verdict> Broken(Rule rule);

}  // namespace airlock::server
