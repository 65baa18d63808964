// Puts a compiled filter in force. No libseccomp: for the worker.
#pragma once

#include <linux/filter.h>

#include <span>

#include "sandbox/walls/wall_error.h"

namespace airlock::walls {

// Loads the filter on this thread, the only one. REQUIRES: no_new_privs. With a filter in force already, needs its
// leave.
WallResult LoadFilter(std::span<const sock_filter> program);

// Whether the kernel says that a filter is in force. Needs leave for prctl(PR_GET_SECCOMP).
WallResult ConfirmFilter();

}  // namespace airlock::walls
