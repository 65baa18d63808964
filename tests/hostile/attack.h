// What one attack is and how it must end. The rows are in syscall_attacks.h and behaviours.h; AllAttacks() has them
// all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/hostile/attack_end.h"

namespace airlock::hostile {

struct Attack {
  uint32_t id = 0;
  std::string_view battery;  // numbers of the published list of attempts that it stands for
  std::string_view name;
  std::string_view stopped_by;  // the layer that must do it
  End end = End::kSigsys;
  // Any of these will do, for where two deadlines or two checks race.
  std::vector<uint32_t> reasons;
};

std::vector<Attack> AllAttacks();

// The fake checkpoint that asks a hostile worker for this attack.
inline std::string CheckpointFor(uint32_t id) { return "AIRLOCK-HOSTILE " + std::to_string(id) + "\n"; }

}  // namespace airlock::hostile

#include "tests/hostile/all_attacks.h"
