#include "server/limits.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "sandbox/walls/worker_fds.h"

namespace airlock::server {
namespace {

struct LimitRow {
  std::string_view name;
  uint64_t Limits::*field;
  uint64_t (v1::Limits::*get)() const;
  void (v1::Limits::*set)(uint64_t);
};

constexpr std::array kLimits = {
#define AIRLOCK_LIMIT(name, default_value, why) \
  LimitRow{#name, &Limits::name, &v1::Limits::name, &v1::Limits::set_##name},
#include "sandbox/base/limits.def"
#undef AIRLOCK_LIMIT
};

}  // namespace

v1::Limits ToProto(const Limits& limits) {
  v1::Limits out;
  for (const LimitRow& row : kLimits) (out.*row.set)(limits.*row.field);
  return out;
}

OrVerdict<Limits> Lower(const Limits& daemon, const v1::Limits& request) {
  Limits lowered = daemon;
  for (const LimitRow& row : kLimits) {
    const uint64_t asked = (request.*row.get)();
    if (asked == 0) continue;
    if (asked > daemon.*row.field) {
      return Because(v1::REASON_BAD_REQUEST,
                     "limit " + std::string(row.name) + " is above the daemon's " + std::to_string(daemon.*row.field));
    }
    lowered.*row.field = asked;
  }
  return lowered;
}

uint64_t MaxFiles(const Limits& limits) { return std::min<uint64_t>(limits.files, walls::kMaxInputs); }

bool SetLimit(std::string_view assignment, Limits& limits) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view digits = assignment.substr(equals + 1);
  uint64_t value = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end.ec != std::errc() || end.ptr != digits.data() + digits.size() || value == 0) return false;
  for (const LimitRow& row : kLimits) {
    if (row.name != assignment.substr(0, equals)) continue;
    limits.*row.field = value;
    return true;
  }
  return false;
}

}  // namespace airlock::server
