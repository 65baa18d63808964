// Attacks that are more than one system call: acts of the machine and of resources (acts.cc), lies in frames
// (frame_lies.cc), lies in the plan (plan_lies.cc), lies about the graph file (graph_lies.cc) and lies of one of
// several workers that share a load (share_lies.cc). Id ranges: acts 200-299, plan lies 300-399, of which the graph
// file 350-379 and shares 380-399, frame lies 400-499.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tests/hostile/attack_end.h"

namespace airlock::hostile {

struct Behaviour {
  uint32_t id;
  const char* battery;  // the numbers of the published list of attempts that it stands for
  std::string_view name;
  std::string_view stopped_by;
  End end;
  uint32_t reason;
  std::array<uint32_t, 3> others{};  // also right; 0: none
};

inline constexpr Behaviour kBehaviours[] = {
    {200, "77", "int 0x80", "seccomp", End::kSigsys, kViolation, {}},
    {201, "81", "the vsyscall page", "seccomp", End::kCrash, kViolation, {kCrashed}},
    {202, "100", "abort", "seccomp", End::kSigsys, kViolation, {}},
    {203, "100", "terminate", "crash handling", End::kExit, kCrashed, {}},
    {204, "98", "write past the end of the output", "seals and RLIMIT_FSIZE", End::kExit, kLimit, {}},
    {205, "96", "take all memory", "RLIMIT_AS", End::kExit, kOutOfMemory, {}},
    {206, "99", "overflow the stack", "RLIMIT_STACK", End::kCrash, kCrashed, {}},
    {207, "94", "spin for ever", "deadlines", End::kDeadline, kTimeoutTotal, {kTimeoutSilence, kTimeoutCpu}},
    {208, "30", "read address 0", "crash handling", End::kCrash, kCrashed, {}},
    {209, "26", "execute data", "page protection", End::kCrash, kCrashed, {}},
    {210, "30", "overwrite code", "page protection", End::kCrash, kCrashed, {}},
    {211, "100", "an illegal instruction", "crash handling", End::kCrash, kCrashed, {}},
    {212, "93", "try every descriptor", "seccomp", End::kSigsys, kViolation, {}},
    {213, "86", "sweep all system calls from 1023 down", "seccomp", End::kSigsys, kViolation, {}},

    {300, "", "tell the truth", "nothing: the control of what follows", End::kExit, kAccepted, {}},
    {301, "110", "a span that starts past the end", "validator", End::kExit, kProtocol, {}},
    {302, "110", "a span that runs past the end", "validator", End::kExit, kProtocol, {}},
    {303, "110", "a span whose end overflows", "validator", End::kExit, kProtocol, {}},
    {304, "110", "a span past the end of the output", "validator", End::kExit, kProtocol, {}},
    {305, "111", "overlapping spans", "validator", End::kExit, kProtocol, {}},
    {306, "113", "a tensor longer than its storage", "validator", End::kExit, kProtocol, {}},
    {307, "110", "a tensor that starts behind its storage", "validator", End::kExit, kProtocol, {}},
    {308, "112", "a shape whose product overflows", "validator", End::kExit, kProtocol, {}},
    {309, "112", "a stride that overflows", "validator", End::kExit, kProtocol, {}},
    {310, "113", "an unknown dtype", "validator", End::kExit, kProtocol, {}},
    {311, "113", "no dtype", "validator", End::kExit, kProtocol, {}},
    {312, "112", "more dimensions than shapes", "validator", End::kExit, kProtocol, {}},
    {313, "112", "2^31 dimensions", "validator", End::kExit, kProtocol, {kLimit}},
    {314, "112", "65 dimensions", "validator", End::kExit, kProtocol, {kLimit}},
    {315, "112", "columns of different lengths", "validator", End::kExit, kProtocol, {}},
    {316, "110", "a storage that does not exist", "validator", End::kExit, kProtocol, {}},
    {317, "110", "a device that does not exist", "validator", End::kExit, kProtocol, {}},
    {318, "110", "an unknown place", "validator", End::kExit, kProtocol, {}},
    {319, "113", "an unknown flag", "validator", End::kExit, kProtocol, {}},
    {320, "110", "a node of a tensor that does not exist", "validator", End::kExit, kProtocol, {}},
    {321, "113", "an unknown node kind", "validator", End::kExit, kProtocol, {}},
    {322, "101", "no graph", "validator", End::kExit, kProtocol, {}},
    {323, "110", "a node that refers past the end", "validator", End::kExit, kProtocol, {}},
    {324, "115", "a list of 4 billion", "validator", End::kExit, kProtocol, {kLimit}},
    {325, "114", "a string longer than the blob", "validator", End::kExit, kProtocol, {kLimit}},
    {326, "114", "a string that is not UTF-8", "validator", End::kExit, kProtocol, {}},
    {327, "112", "numbers that no node takes", "validator", End::kExit, kProtocol, {}},
    {328, "113", "an unknown severity", "validator", End::kExit, kProtocol, {}},
    {329, "113", "an unknown symbol class", "validator", End::kExit, kProtocol, {}},
    {330, "114", "entries, which are the broker's to make", "validator", End::kExit, kProtocol, {}},
    {331, "110", "quantisation of a tensor that does not exist", "validator", End::kExit, kProtocol, {}},
    {332, "101", "a reason that only the broker may give", "validator", End::kExit, kProtocol, {}},
    {333, "101", "a reason that does not exist", "validator", End::kExit, kProtocol, {}},
    {334, "113", "an unknown format", "validator", End::kExit, kProtocol, {}},
    {335, "110", "a record without its callee", "validator", End::kExit, kProtocol, {}},
    {336, "110", "a stream in a stream's own node", "validator", End::kExit, kProtocol, {}},
    {337, "110", "a ring of streams", "validator", End::kExit, kProtocol, {}},
    {338, "113", "a sparse tensor of nothing", "validator", End::kExit, kProtocol, {}},
    {339, "110", "attributes of attributes", "validator", End::kExit, kProtocol, {}},
    {340, "110", "an array of a tensor that is not there", "validator", End::kExit, kProtocol, {}},
    {341, "112", "a dimension below zero", "validator", End::kExit, kProtocol, {}},
    {342, "115", "more tensors than any load may have", "validator", End::kDeadline, kProtocol, {kLimit}},
    {343, "", "data left to others, and no answer", "validator", End::kExit, kProtocol, {}},

    {350, "", "no lengths of the graph", "validator", End::kExit, kProtocol, {}},
    {351, "112", "six lengths of the graph", "validator", End::kExit, kProtocol, {}},
    {352, "112", "eight lengths of the graph", "validator", End::kExit, kProtocol, {}},
    {353, "", "a graph, and no answer", "validator", End::kExit, kProtocol, {}},
    {354, "110", "a column beyond its room", "validator", End::kExit, kProtocol, {}},
    {355, "110", "a column of 2^64 bytes", "validator", End::kExit, kProtocol, {}},
    {356, "112", "three quarters of a value", "validator", End::kExit, kProtocol, {}},
    {357, "115", "columns of more than all memory", "validator", End::kExit, kLimit, {}},
    {358, "115", "a column that was never written", "validator", End::kExit, kProtocol, {}},
    {359, "", "the graph in a frame", "validator", End::kExit, kProtocol, {}},
    // Nobody seals it where there is no broker.
    {360, "116", "change the graph once it is sealed", "seals", End::kDeadline, kAccepted, {}},
    {361, "116", "change the graph right after DONE", "seals, or the validator", End::kExit, kAccepted, {kProtocol}},

    {380, "", "tell the truth in every share", "nothing: the control of what follows", End::kExit, kAccepted, {}},
    {381, "111", "in one share, storages in other places", "validator", End::kExit, kProtocol, {}},
    {382, "", "in one share, data left to others again", "validator", End::kExit, kProtocol, {}},
    {383, "", "in one share, no plan", "validator", End::kExit, kProtocol, {}},
    {384, "", "in one share, more plan than before", "validator", End::kExit, kProtocol, {}},
    // Where one worker is all that a load may have, it never comes to shares: nobody asked it to leave any data.
    {385, "100", "in one share, a crash", "crash handling", End::kExit, kCrashed, {kProtocol}},
    {386,
     "94",
     "in one share, silence",
     "deadlines",
     End::kExit,
     kTimeoutTotal,
     {kTimeoutSilence, kTimeoutCpu, kProtocol}},
    {387, "2", "in one share, openat", "seccomp", End::kExit, kViolation, {kProtocol}},
    {388, "", "in one share, another format", "validator", End::kExit, kProtocol, {}},
    {389, "115", "in one share, more findings than any load may have", "validator", End::kExit, kProtocol, {}},
    {390,
     "94",
     "in every share, silence",
     "deadlines",
     End::kExit,
     kTimeoutTotal,
     {kTimeoutSilence, kTimeoutCpu, kProtocol}},

    {400, "103", "a frame of length 0", "frame reader", End::kExit, kProtocol, {}},
    {401, "103", "a frame of length 0xffffffff", "frame reader", End::kExit, kProtocol, {}},
    {402, "103", "a frame one byte over the cap", "frame reader", End::kExit, kProtocol, {}},
    {403, "107", "a frame of noise", "frame reader", End::kExit, kProtocol, {}},
    {404, "108", "READY a second time", "frame reader", End::kExit, kProtocol, {}},
    {405, "108", "DONE twice", "frame reader", End::kExit, kProtocol, {}},
    {406, "108", "PLAN after DONE", "frame reader", End::kExit, kProtocol, {}},
    {407, "109", "one byte after DONE", "frame reader", End::kExit, kProtocol, {}},
    {408, "107", "an unknown field", "frame reader", End::kExit, kProtocol, {}},
    {409, "107", "a number encoded longer than needed", "frame reader", End::kExit, kProtocol, {}},
    {410, "107", "a singular field twice", "frame reader", End::kExit, kProtocol, {}},
    {411, "106", "a thousand nested groups", "frame reader", End::kExit, kProtocol, {}},
    {412, "114", "a name that is not UTF-8", "frame reader", End::kExit, kProtocol, {}},
    {413,
     "105",
     "endless small frames",
     "frame reader",
     End::kDeadline,
     kProtocol,
     {kTimeoutTotal, kTimeoutCpu, kLimit}},
    {414,
     "105",
     "endless large frames",
     "frame reader",
     End::kDeadline,
     kProtocol,
     {kTimeoutTotal, kTimeoutCpu, kLimit}},
    {415, "104", "one byte a second", "deadlines", End::kDeadline, kTimeoutTotal, {kTimeoutSilence, kTimeoutCpu}},
    {416, "102", "half a frame, then the end", "frame reader", End::kExit, kCrashed, {kProtocol}},
    {417, "102", "half a frame, then a crash", "crash handling", End::kCrash, kCrashed, {}},
    {418, "101", "the end without an answer", "crash handling", End::kExit, kCrashed, {kProtocol}},
    {419, "103", "a frame without a body", "frame reader", End::kExit, kProtocol, {}},
    {420,
     "102",
     "half a frame, then killed for its CPU time",
     "deadlines",
     End::kDeadline,
     kTimeoutCpu,
     {kTimeoutTotal, kTimeoutSilence}},
    {421,
     "116",
     "writing on after DONE",
     "deadlines, then seals",
     End::kDeadline,
     kProtocol,
     {kTimeoutTotal, kTimeoutSilence, kTimeoutCpu}},
};

}  // namespace airlock::hostile
