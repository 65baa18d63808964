// The one list of all attacks, put together from the tables. Included by attack.h.
#pragma once

#include "tests/hostile/attack.h"
#include "tests/hostile/behaviours.h"
#include "tests/hostile/syscall_attacks.h"

namespace airlock::hostile {

inline std::vector<Attack> AllAttacks() {
  std::vector<Attack> attacks;
  for (const SyscallAttack& row : kSyscallAttacks) {
    attacks.push_back({row.id, row.name, "seccomp", End::kSigsys, {kViolation}});
  }
  for (const Behaviour& row : kBehaviours) {
    Attack attack{row.id, row.name, row.stopped_by, row.end, {row.reason}};
    for (const uint32_t other : row.others) {
      if (other != 0) attack.reasons.push_back(other);
    }
    attacks.push_back(attack);
  }
  return attacks;
}

}  // namespace airlock::hostile
