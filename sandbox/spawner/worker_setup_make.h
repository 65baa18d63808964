// The broker's side of worker_setup.h: compiles the filters and seals the set-up into a memfd.
#pragma once

#include "sandbox/spawner/spawner_client.h"
#include "sandbox/spawner/worker_setup.h"

namespace airlock::spawner {

SpawnResult<Fd> MakeWorkerSetup(const SpawnerOptions& options);

}  // namespace airlock::spawner
