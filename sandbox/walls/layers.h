// The layers that a worker stands behind, one bit each, and the postures that they add up to.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace airlock::walls {

// In the order in which they are raised. The numbers are wire format (Ready.layers).
enum LayerBit : uint64_t {
  kNonDumpable = 1 << 0,
  kParentDeathSignal = 1 << 1,
  kNoCapabilities = 1 << 2,
  kNoNewPrivs = 1 << 3,
  kDenyWriteExecute = 1 << 4,  // PR_SET_MDWE, Linux 6.3
  kNoSpeculation = 1 << 5,     // store bypass and indirect branch, force-disabled
  kRlimits = 1 << 6,
  kUserNamespace = 1 << 7,
  kPidNamespace = 1 << 8,
  kIpcNamespace = 1 << 9,
  kUtsNamespace = 1 << 10,
  kMountNamespace = 1 << 11,  // with an empty root
  kNetNamespace = 1 << 12,
  kLandlock = 1 << 13,
  kSeccomp = 1 << 14,
  kOwnCore = 1 << 15,  // PR_SCHED_CORE, Linux 5.14; raised before the filter
  // Put around a worker from outside, by the broker, which alone can say so.
  kOwnUser = 1 << 16,      // of a range; otherwise all workers are one user
  kMemoryGroup = 1 << 17,  // memory.max of a cgroup of its own
  kPidsGroup = 1 << 18,    // pids.max of the same
};

// Those that no worker can tell us of.
inline constexpr uint64_t kBrokersLayers = kOwnUser | kMemoryGroup | kPidsGroup;

struct LayerRow {
  LayerBit bit;
  std::string_view name;    // as GetCapabilities, doctor and metrics have it
  std::string_view stops;   // what it is for, one clause
  std::string_view remedy;  // what an operator can do where it is missing
};

// All layers, in LayerBit order.
std::span<const LayerRow> Layers();

// Numbers of airlock.v1.Posture. Ordered: more is better.
enum class Posture : uint8_t { kNone = 0, kFilterOnly = 1, kNested = 2, kFull = 3 };

// Those that a worker can have, the least first.
inline constexpr Posture kPostures[] = {Posture::kFilterOnly, Posture::kNested, Posture::kFull};

// The best posture that these layers amount to; kNone if even kFilterOnly's are not all there.
Posture PostureOf(uint64_t layers);
// The layers that `posture` demands.
uint64_t RequiredLayers(Posture posture);
std::string_view PostureName(Posture posture);  // "full", "nested", "filter-only", "none"

}  // namespace airlock::walls
