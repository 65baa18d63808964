#include "server/validate/rules.h"

#include <array>
#include <string>

namespace airlock::server {
namespace {

constexpr RuleRow kRules[] = {
#define AIRLOCK_RULE(name, id, why) {Rule::name, id, why},
#include "server/validate/rules.def"
#undef AIRLOCK_RULE
};

}  // namespace

std::span<const RuleRow> Rules() { return kRules; }

Unexpected<Verdict> Broken(Rule rule) {
  return Unexpected<Verdict>{Verdict::Violation(v1::REASON_WORKER_PROTOCOL,
                                                "validator: " + std::string(kRules[static_cast<size_t>(rule)].id))};
}

}  // namespace airlock::server
