// Namespaces: what the spawner does to itself once, so that every worker is born into it: a user namespace, an empty
// network and an empty read-only root. Pid, ipc, uts and a private mount namespace each worker gets for itself, by
// clone.
//
// Creating a user namespace proves nothing (AppArmor lets it succeed and then denies its capabilities), so everything
// is tried for real, first in a process of its own: a host that grants a half leaves no half-made spawner.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "sandbox/walls/layers.h"
#include "sandbox/walls/user_range.h"
#include "sandbox/walls/wall_error.h"

namespace airlock::walls {

inline constexpr size_t kNamespaceCount = 6;

// What became of one namespace. Plain data: travels through shared memory and to the broker.
struct NamespaceEvidence {
  uint64_t layer = 0;        // LayerBit
  int32_t error_number = 0;  // 0: it works
};

struct NamespaceReport {
  std::array<NamespaceEvidence, kNamespaceCount> rows{};

  // LayerBit mask of what works.
  uint64_t Layers() const;
};

// Tries them all in a forked process, with the user that we are now, or as EnterSharedNamespaces does with `users`.
// REQUIRES: one thread.
NamespaceReport ProbeNamespaces(const UserRange& users = {});

// Who is in the user namespace of root that has no range: nobody, and nobody else. Empty where we are not root.
UserRange UsersOfRoot();

// A report in which nothing works, for `error_number`'s reason.
NamespaceReport NoNamespaces(int error_number);

// Enters those of `layers` that are shared. With a range of `users`, which takes root, these are the users of the user
// namespace, and we become the first of them. REQUIRES: one thread; the probe found that they work.
WallResult EnterSharedNamespaces(uint64_t layers, const UserRange& users = {});

// The CLONE_NEW* flags of those of `layers` that each worker has for itself.
uint64_t CloneFlags(uint64_t layers);

// Whether the root directory is empty and cannot be written.
bool RootIsEmpty();

}  // namespace airlock::walls
