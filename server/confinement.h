// Confinement: what the broker takes from itself when its spawner lives and before anybody can talk to it. It parses
// gRPC and TLS, perhaps from a network; should that go wrong, the intruder can execute nothing, make no process, and
// reach no file but those that the daemon was told of.
#pragma once

#include <cstdint>
#include <string>

#include "sandbox/base/expected.h"
#include "server/config/options.h"

namespace airlock::server {

// What is in force. The filter always is, and Landlock where the host has it, or there is no broker.
struct Confinement {
  uint32_t landlock_abi = 0;  // 0: the host has none, or keeps it from a daemon that is content with the filter
  bool deny_write_execute = false;
};

// `groups`: the directory beneath which the broker makes and removes cgroups of its workers, or empty. REQUIRES: one
// thread. Fails with one sentence.
Expected<Confinement, std::string> ConfineBroker(const Options& options, const std::string& groups = "");

// What the broker needs no longer once it listens, of all its threads: it connects to nothing, opens no further socket,
// changes no mode of a file. REQUIRES: ConfineBroker has succeeded.
Expected<void, std::string> ConfineServingBroker();

}  // namespace airlock::server
