// What one attack is and how it must end. The rows are in syscall_attacks.h and behaviours.h; AllAttacks() has them
// all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::hostile {

// How the process of the attacker ends, seen by its parent.
enum class End : uint8_t {
  kSigsys,    // killed by the filter
  kCrash,     // killed by another signal of its own making, or by the filter on the way to one
  kExit,      // by itself: its frames (or its silence) are what is wrong
  kDeadline,  // not by itself
};

// Numbers of airlock.v1.Reason, so that this header needs no protobuf.
enum ExpectedReason : uint32_t {
  kAccepted = 0,
  kLimit = 30,
  kViolation = 100,
  kProtocol = 101,
  kCrashed = 102,
  kTimeoutTotal = 103,
  kTimeoutSilence = 104,
  kTimeoutCpu = 105,
  kOutOfMemory = 106,
};

struct Attack {
  uint32_t id = 0;
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
