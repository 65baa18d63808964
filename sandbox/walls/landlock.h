// Landlock, at the best ABI that the kernel has. For the worker a domain without any right: the second wall behind the
// filter for opening files, TCP, signals and abstract unix sockets. For the broker the few places that it needs.
#pragma once

#include <cstdint>
#include <span>

#include "sandbox/walls/wall_error.h"

namespace airlock::walls {

// What may be done beneath a place. Everything else that Landlock knows of is denied there too.
enum class Access : uint8_t {
  kRead,       // files and lists of them
  kReadWrite,  // and make and remove regular files and sockets
  kGroups,     // of cgroups: read and write the files that are there, make and remove directories
  kTidy        // remove directories, which must be empty for that
};

struct Place {
  const char* path;
  Access access;
};

// The kernel's Landlock ABI, 0 where there is none.
uint32_t LandlockAbi();

// Enters the domain. REQUIRES: no_new_privs. Yields the ABI in force.
Expected<uint32_t, WallError> EnterLandlock();

// The same with what is left: places, as far as they exist, and TCP ports to bind (not to connect to). Signals and
// abstract sockets are let be: a broker kills its workers and speaks to its service manager.
Expected<uint32_t, WallError> EnterLandlockWith(std::span<const Place> places, std::span<const uint16_t> tcp_ports);

}  // namespace airlock::walls
