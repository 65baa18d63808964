// Which walls stop an attack, each of them alone: what the tests of single layers expect, and the generated tables say.
// Rows: attack_layers.def.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sandbox/walls/layers.h"
#include "tests/hostile/breach.h"

namespace airlock::hostile {

// One wall by itself: what is up in a run, and how the tables call it.
struct WallColumn {
  uint64_t layer;
  uint64_t raised;  // with what it cannot be without
  std::string_view name;
  std::string_view heading;
};

inline constexpr WallColumn kWallColumns[] = {
    {kDescriptors, kDescriptors, "read-only input, sealed memory files", "fds"},
    {walls::kNonDumpable, walls::kNonDumpable, "non-dumpable", "dump"},
    {walls::kNoCapabilities, walls::kNoCapabilities, "nobody, without capabilities", "user"},
    {walls::kOwnUser, walls::kNoCapabilities | walls::kOwnUser, "a user of its own", "own"},
    {walls::kNoNewPrivs, walls::kNoNewPrivs, "no_new_privs", "nnp"},
    {walls::kDenyWriteExecute, walls::kDenyWriteExecute, "memory-deny-write-execute", "mdwe"},
    {walls::kRlimits, walls::kRlimits, "resource limits", "rlim"},
    {walls::kUserNamespace, walls::kUserNamespace, "user namespace", "u"},
    {walls::kPidNamespace, walls::kUserNamespace | walls::kPidNamespace, "pid namespace", "pid"},
    {walls::kIpcNamespace, walls::kUserNamespace | walls::kIpcNamespace, "ipc namespace", "ipc"},
    {walls::kUtsNamespace, walls::kUserNamespace | walls::kUtsNamespace, "uts namespace", "uts"},
    {walls::kMountNamespace, walls::kUserNamespace | walls::kMountNamespace, "empty root", "mnt"},
    {walls::kNetNamespace, walls::kUserNamespace | walls::kNetNamespace, "empty network", "net"},
    {walls::kLandlock, walls::kLandlock, "Landlock", "lock"},
    {walls::kSeccomp, walls::kSeccomp, "the filter", "filter"},
};

struct AttackLayers {
  uint32_t attack;
  uint64_t alone;         // mask of the layers that stop it, each alone
  uint32_t landlock_abi;  // from which Landlock is one of them
};

// For every system call and deed, in order of their tables.
std::span<const AttackLayers> AllAttackLayers();
uint64_t LayersThatStop(uint32_t attack);
// The same on a host whose Landlock is of this ABI.
uint64_t LayersThatStop(uint32_t attack, uint32_t landlock_abi);

}  // namespace airlock::hostile
