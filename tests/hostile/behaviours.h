// Attacks that are more than one system call: acts of the machine and of resources (acts.cc), lies in frames
// (frame_lies.cc) and lies in the plan (plan_lies.cc). Id ranges: acts 200-299, plan lies 300-399, frame lies 400-499.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tests/hostile/attack.h"

namespace airlock::hostile {

struct Behaviour {
  uint32_t id;
  std::string_view name;
  std::string_view stopped_by;
  End end;
  uint32_t reason;
  std::array<uint32_t, 3> others{};  // also right; 0: none
};

inline constexpr Behaviour kBehaviours[] = {
    {200, "int 0x80", "seccomp", End::kSigsys, kViolation, {}},
    {201, "the vsyscall page", "seccomp", End::kCrash, kViolation, {kCrashed}},
    {202, "abort", "seccomp", End::kSigsys, kViolation, {}},
    {203, "terminate", "crash handling", End::kExit, kCrashed, {}},
    {204, "write past the end of the output", "seals and RLIMIT_FSIZE", End::kExit, kLimit, {}},
    {205, "take all memory", "RLIMIT_AS", End::kExit, kOutOfMemory, {}},
    {206, "overflow the stack", "RLIMIT_STACK", End::kCrash, kCrashed, {}},
    {207, "spin for ever", "deadlines", End::kDeadline, kTimeoutTotal, {kTimeoutSilence, kTimeoutCpu}},
    {208, "read address 0", "crash handling", End::kCrash, kCrashed, {}},
    {209, "execute data", "page protection", End::kCrash, kCrashed, {}},
    {210, "overwrite code", "page protection", End::kCrash, kCrashed, {}},
    {211, "an illegal instruction", "crash handling", End::kCrash, kCrashed, {}},
    {212, "try every descriptor", "seccomp", End::kSigsys, kViolation, {}},
    {213, "sweep all system calls from 1023 down", "seccomp", End::kSigsys, kViolation, {}},

    {300, "tell the truth", "nothing: the control of what follows", End::kExit, kAccepted, {}},
    {301, "a span that starts past the end", "validator", End::kExit, kProtocol, {}},
    {302, "a span that runs past the end", "validator", End::kExit, kProtocol, {}},
    {303, "a span whose end overflows", "validator", End::kExit, kProtocol, {}},
    {304, "a span past the end of the output", "validator", End::kExit, kProtocol, {}},
    {305, "overlapping spans", "validator", End::kExit, kProtocol, {}},
    {306, "a tensor longer than its storage", "validator", End::kExit, kProtocol, {}},
    {307, "a tensor that starts behind its storage", "validator", End::kExit, kProtocol, {}},
    {308, "a shape whose product overflows", "validator", End::kExit, kProtocol, {}},
    {309, "a stride that overflows", "validator", End::kExit, kProtocol, {}},
    {310, "an unknown dtype", "validator", End::kExit, kProtocol, {}},
    {311, "no dtype", "validator", End::kExit, kProtocol, {}},
    {312, "more dimensions than shapes", "validator", End::kExit, kProtocol, {}},
    {313, "2^31 dimensions", "validator", End::kExit, kProtocol, {kLimit}},
    {314, "65 dimensions", "validator", End::kExit, kProtocol, {kLimit}},
    {315, "columns of different lengths", "validator", End::kExit, kProtocol, {}},
    {316, "a storage that does not exist", "validator", End::kExit, kProtocol, {}},
    {317, "a device that does not exist", "validator", End::kExit, kProtocol, {}},
    {318, "an unknown place", "validator", End::kExit, kProtocol, {}},
    {319, "an unknown flag", "validator", End::kExit, kProtocol, {}},
    {320, "a node of a tensor that does not exist", "validator", End::kExit, kProtocol, {}},
    {321, "an unknown node kind", "validator", End::kExit, kProtocol, {}},
    {322, "no graph", "validator", End::kExit, kProtocol, {}},
    {323, "a node that refers past the end", "validator", End::kExit, kProtocol, {}},
    {324, "a list of 4 billion", "validator", End::kExit, kProtocol, {kLimit}},
    {325, "a string longer than the blob", "validator", End::kExit, kProtocol, {kLimit}},
    {326, "a string that is not UTF-8", "validator", End::kExit, kProtocol, {}},
    {327, "numbers that no node takes", "validator", End::kExit, kProtocol, {}},
    {328, "an unknown severity", "validator", End::kExit, kProtocol, {}},
    {329, "an unknown symbol class", "validator", End::kExit, kProtocol, {}},
    {330, "entries, which are the broker's to make", "validator", End::kExit, kProtocol, {}},
    {331, "quantisation of a tensor that does not exist", "validator", End::kExit, kProtocol, {}},
    {332, "a reason that only the broker may give", "validator", End::kExit, kProtocol, {}},
    {333, "a reason that does not exist", "validator", End::kExit, kProtocol, {}},
    {334, "an unknown format", "validator", End::kExit, kProtocol, {}},
    {335, "a record without its callee", "validator", End::kExit, kProtocol, {}},
    {336, "a stream in a stream's own node", "validator", End::kExit, kProtocol, {}},
    {337, "a ring of streams", "validator", End::kExit, kProtocol, {}},
    {338, "a sparse tensor of nothing", "validator", End::kExit, kProtocol, {}},
    {339, "attributes of attributes", "validator", End::kExit, kProtocol, {}},
    {340, "an array of a tensor that is not there", "validator", End::kExit, kProtocol, {}},

    {400, "a frame of length 0", "frame reader", End::kExit, kProtocol, {}},
    {401, "a frame of length 0xffffffff", "frame reader", End::kExit, kProtocol, {}},
    {402, "a frame one byte over the cap", "frame reader", End::kExit, kProtocol, {}},
    {403, "a frame of noise", "frame reader", End::kExit, kProtocol, {}},
    {404, "READY a second time", "frame reader", End::kExit, kProtocol, {}},
    {405, "DONE twice", "frame reader", End::kExit, kProtocol, {}},
    {406, "PLAN after DONE", "frame reader", End::kExit, kProtocol, {}},
    {407, "one byte after DONE", "frame reader", End::kExit, kProtocol, {}},
    {408, "an unknown field", "frame reader", End::kExit, kProtocol, {}},
    {409, "a number encoded longer than needed", "frame reader", End::kExit, kProtocol, {}},
    {410, "a singular field twice", "frame reader", End::kExit, kProtocol, {}},
    {411, "a thousand nested groups", "frame reader", End::kExit, kProtocol, {}},
    {412, "a name that is not UTF-8", "frame reader", End::kExit, kProtocol, {}},
    {413, "endless small frames", "frame reader", End::kDeadline, kProtocol, {kTimeoutTotal, kTimeoutCpu, kLimit}},
    {414, "endless large frames", "frame reader", End::kDeadline, kProtocol, {kTimeoutTotal, kTimeoutCpu, kLimit}},
    {415, "one byte a second", "deadlines", End::kDeadline, kTimeoutTotal, {kTimeoutSilence, kTimeoutCpu}},
    {416, "half a frame, then the end", "frame reader", End::kExit, kCrashed, {kProtocol}},
    {417, "half a frame, then a crash", "crash handling", End::kCrash, kCrashed, {}},
    {418, "the end without an answer", "crash handling", End::kExit, kCrashed, {kProtocol}},
    {419, "a frame without a body", "frame reader", End::kExit, kProtocol, {}},
};

}  // namespace airlock::hostile
