// Raises the walls around this process, in the order of the table in lockdown.cc, and loads filter 1. What follows runs
// locked: only what walls/seccomp_policy.cc allows while idle.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sandbox/spawner/worker_setup.h"
#include "sandbox/walls/wall_error.h"

namespace airlock::worker {

struct LockdownRequest {
  const spawner::WorkerSetup* setup = nullptr;
  uint64_t namespaces = 0;    // LayerBit mask that the spawner vouches for
  pid_t expected_parent = 0;  // as DieWithParent
};

struct Lockdown {
  uint64_t layers = 0;  // LayerBit mask of what is in force
  uint32_t landlock_abi = 0;
};

// The error is a wall without which no posture exists. Walls that some hosts lack are missing from `layers`; whether
// that will do is the broker's to say.
Expected<Lockdown, walls::WallError> LockDown(const LockdownRequest& request);

}  // namespace airlock::worker
