// Landlock: a domain without any right, at the best ABI that the kernel has. The second wall behind the filter for
// opening files, TCP, signals and abstract unix sockets.
#pragma once

#include <cstdint>

#include "sandbox/walls/wall_error.h"

namespace airlock::walls {

// The kernel's Landlock ABI, 0 where there is none.
uint32_t LandlockAbi();

// Enters the domain. REQUIRES: no_new_privs. Yields the ABI in force.
Expected<uint32_t, WallError> EnterLandlock();

}  // namespace airlock::walls
