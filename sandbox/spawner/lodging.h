// What a worker has of the host for itself while it lives. Given back when the worker has been reaped, and not before.
#pragma once

#include "sandbox/spawner/user_ids.h"
#include "sandbox/spawner/worker_groups.h"

namespace airlock::spawner {

struct Lodging {
  UserLease user;
  WorkerGroup group;
};

}  // namespace airlock::spawner
