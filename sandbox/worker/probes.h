// Forbidden acts that a worker tries on itself when a Job asks for one, with every wall up: for `airlock doctor` and
// the daemon's self-test. Each must end the worker by SIGSYS; a worker that says DONE has survived, and its walls are
// not what they should be. All of them are harmless where they succeed.
#pragma once

#include <cstdint>
#include <string_view>

namespace airlock::worker {

struct ProbeRow {
  uint32_t number;  // Job.probe
  std::string_view name;
};

// What the broker needs to know of them.
inline constexpr ProbeRow kProbes[] = {
    {1, "open a file"},
    {2, "make a socket"},
    {3, "fork"},
    {4, "execute a program"},
    {5, "map executable memory"},
    {6, "trace the parent"},
    {7, "signal process 1"},
    {8, "set up io_uring"},
    {9, "become dumpable"},
    {10, "mount a filesystem"},
    {11, "unshare a user namespace"},
    {12, "write to standard output"},
    {13, "receive another descriptor"},
    {14, "use a call of the x32 table"},
};

// Tries it; returns if it was survived, or if there is no such probe.
void TryProbe(uint32_t number);

}  // namespace airlock::worker
