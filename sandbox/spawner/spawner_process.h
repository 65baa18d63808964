// Starts the spawner: fork and exec from a broker that still has one thread. The only fork of the broker.
#pragma once

#include "sandbox/spawner/spawner_client.h"

namespace airlock::spawner {

struct SpawnerProcess {
  Fd pidfd;
  Fd control;  // the broker's end
};

SpawnResult<SpawnerProcess> StartSpawnerProcess(const std::string& program, int setup_fd);

}  // namespace airlock::spawner
