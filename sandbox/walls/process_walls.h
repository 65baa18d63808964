// What a process takes from itself: small, permanent, one system call each. For the worker and the spawner, which have
// one thread. All hold for the rest of the process, but see DieWithParent.
#pragma once

#include <sys/types.h>

#include "sandbox/walls/wall_error.h"

namespace airlock::walls {

inline constexpr uid_t kNobody = 65534;

// No core dumps, no ptrace, /proc/self belongs to root. Execution resets it: the first thing in main.
WallResult BecomeNonDumpable();

// SIGKILL when the parent's thread that forked us ends. `expected_parent` closes the race with a parent that is gone
// already; 0 in a pid namespace, where the parent is out of sight and end of file on the socket stands in.
// A change of user clears it: call again afterwards.
WallResult DieWithParent(pid_t expected_parent);

// Root becomes nobody without groups. Nothing to do for any other user; fails where root cannot change.
WallResult DropUser();

// Root becomes `user`, and the group of the same number, for good.
WallResult BecomeUser(uid_t user);

// Root becomes `user` without groups, and keeps nothing of root but the capabilities to change user and group.
WallResult BecomeChangerOfUsers(uid_t user);

// Empty permitted, effective, inheritable, ambient and, where allowed, bounding set. Verified.
WallResult DropCapabilities();

WallResult ForbidNewPrivileges();

// PR_SET_MDWE: what is writable never becomes executable. EINVAL before Linux 6.3.
WallResult DenyWriteExecute();

// Speculative store bypass and indirect branches off, for good. Also succeeds on a CPU that is not affected.
WallResult DisableSpeculation();

// Core scheduling: no other process runs on the threads of our core while we do. Also succeeds where cores have one
// thread only. EINVAL before Linux 5.14.
WallResult TakeOwnCore();

}  // namespace airlock::walls
