// Attacks that are a whole deed, done for real where no wall stands, with a trace that somebody else can see. Each
// stands for a class of acts, and two layers that know nothing of each other stand behind it wherever the host has
// them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sandbox/walls/layers.h"
#include "tests/hostile/attack_end.h"

namespace airlock::hostile {

struct DeedRow {
  uint32_t id;
  const char* battery;  // the numbers of the published list of attempts that it stands for
  std::string_view name;
  // Layers without which the deed proves nothing: they stay up in every run.
  uint64_t base = 0;
  // Why one layer is all there can be; empty: there must be two.
  std::string_view single = "";
  // With every wall up.
  std::string_view stopped_by = "seccomp";
  End end = End::kSigsys;
  std::array<uint32_t, 3> reasons = {kViolation};  // any of these; 0: none
};

inline constexpr DeedRow kDeedRows[] = {
    {500, "1-3", "read a file"},
    {501, "4, 13", "make a file"},
    {502, "10", "list the root directory"},
    {503, "18", "run a shell"},
    {504, "20", "run a program from memory", 0, "the filter; memory files lie beneath no path"},
    {505, "6", "change the input through /proc"},
    {506, "7", "change own code through /proc"},
    {507, "25, 26", "map, write and run"},
    {508, "27", "write, make executable and run"},
    {509, "61", "connect to an abstract socket"},
    {510, "61", "connect to a socket in the file system"},
    {511, "60", "connect to a TCP server"},
    {512, "60", "serve TCP"},
    {513, "60", "send a UDP packet"},
    {514, "47", "signal another process"},
    {515, "50", "signal it through a pidfd"},
    {516, "51", "trace it"},
    {517, "34", "read its memory"},
    {518, "34", "read its memory through /proc"},
    {519, "50", "steal its descriptor"},
    {520, "42", "make a child", walls::kNoCapabilities},
    {521, "43", "start a thread", walls::kNoCapabilities},
    {522, "70", "read another's System V memory"},
    {523, "70", "send to another's System V queue"},
    {524, "72", "set the host's name"},
    {525, "22", "mount over a folder"},
    {526, "52", "read a file of root"},
    {527, "18, 52", "become root by a set-user-ID program", walls::kNoCapabilities},
    {528, "62, 63", "send a descriptor away", 0, "the filter; and the broker takes no descriptors"},
    {529,
     "96",
     "take twice the memory of a load",
     0,
     "rlimits; the filter must let memory be asked for",
     "rlimits",
     End::kExit,
     {kProtocol}},
    {530, "98", "write far past the end of the output", 0, "", "seals and rlimits", End::kExit, {kProtocol}},
    {531, "88", "take three hundred descriptors"},
    {532, "37", "lock memory", walls::kNoCapabilities},
    {533,
     "94",
     "use CPU time without end",
     0,
     "rlimits; beside it only the broker's deadlines",
     "deadlines",
     End::kDeadline,
     {kTimeoutTotal, kTimeoutSilence, kTimeoutCpu}},
    {534, "79", "leave for 32-bit code"},
    {535, "74", "open a file through io_uring"},
    {536, "51", "read this process from a fork", walls::kNoCapabilities},
    {538, "46", "enter the network of another process"},
    {539, "32", "map shared memory as code"},
    {540, "5", "open a file by its handle"},
    {541, "14-16", "write into the input"},
    {542, "16, 17", "shrink the output"},
    {543, "77", "call by int 0x80", 0, "the filter; no other layer knows of entries"},
    {544, "61", "send a datagram to a named socket"},
    {545, "8", "learn a name that the host gets later"},
};

// Looks whether speculation is on: no attack, and in no table.
inline constexpr uint32_t kSpeculationDeed = 599;

// For cgroups, whose controllers few test machines have: in no table either.
inline constexpr uint32_t kFillMemoryDeed = 598;
inline constexpr uint32_t kFillOutputDeed = 597;
inline constexpr uint64_t kFillBytes = 128 << 20;

// As errno: 0 where the deed is done.
bool PerformDeed(uint32_t id, long& result);

}  // namespace airlock::hostile
