// What the broker denies itself for good once its spawner lives: it makes no process, executes nothing, traces nobody
// and changes no mount, whatever a caller may have made of it. A list of denials, not of permissions: gRPC, TLS and the
// C library call what they like, and differently in each version.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sandbox/walls/filter.h"

namespace airlock::walls {

// One denied call. With a mask: only where argument `arg` under the mask is `value`.
struct DenialRow {
  std::string_view syscall;
  int error_number;  // what the caller sees; 0: the process is killed, for no honest broker calls it
  std::string_view why;
  uint32_t arg = 0;
  uint64_t mask = 0;
  uint64_t value = 0;
};

std::span<const DenialRow> BrokerDenials();
// Those that are added when it serves.
std::span<const DenialRow> ServingDenials();

// Loads them on this thread and those that it will start. `inet`: leaves AF_INET and AF_INET6 sockets, for a daemon
// that serves TCP. REQUIRES: no_new_privs.
Expected<void, FilterError> DenyBrokerActs(bool inet);

// Loads ServingDenials on all threads of this process, and those that they will start. REQUIRES: DenyBrokerActs, before
// there was another thread.
Expected<void, FilterError> DenyServingBrokerActs();

}  // namespace airlock::walls
