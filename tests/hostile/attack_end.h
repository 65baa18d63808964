// How an attack ends: the process, and the word of the broker.
#pragma once

#include <cstdint>

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

}  // namespace airlock::hostile
