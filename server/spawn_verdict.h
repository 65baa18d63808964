// What a failed step around a worker, or the memory files that it gets, is to the load that wanted it.
#pragma once

#include <cstring>

#include "sandbox/spawner/spawner_client.h"
#include "server/verdict.h"

namespace airlock::server {

inline Verdict VerdictOfSpawn(const spawner::SpawnError& error, v1::Reason reason = v1::REASON_INTERNAL) {
  return Verdict(reason, error.step + ": " + std::strerror(error.error_number));
}

}  // namespace airlock::server
