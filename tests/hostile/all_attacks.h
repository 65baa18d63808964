// The one list of all attacks, put together from the tables. Included by attack.h.
#pragma once

#include "tests/hostile/attack.h"
#include "tests/hostile/behaviours.h"
#include "tests/hostile/deeds.h"
#include "tests/hostile/syscall_attacks.h"

namespace airlock::hostile {

inline std::vector<uint32_t> NonZero(const std::array<uint32_t, 3>& reasons) {
  std::vector<uint32_t> given;
  for (const uint32_t reason : reasons) {
    if (reason != 0) given.push_back(reason);
  }
  return given;
}

inline std::vector<Attack> AllAttacks() {
  std::vector<Attack> attacks;
  for (const SyscallAttack& row : kSyscallAttacks) {
    attacks.push_back({row.id, row.battery, row.name, "seccomp", End::kSigsys, {kViolation}});
  }
  for (const DeedRow& row : kDeedRows) {
    attacks.push_back({row.id, row.battery, row.name, row.stopped_by, row.end, NonZero(row.reasons)});
  }
  for (const Behaviour& row : kBehaviours) {
    Attack attack{row.id, row.battery, row.name, row.stopped_by, row.end, {row.reason}};
    for (const uint32_t other : NonZero(row.others)) attack.reasons.push_back(other);
    attacks.push_back(attack);
  }
  return attacks;
}

}  // namespace airlock::hostile
