// Resource limits of a worker, hard and soft alike: as process 1 of a pid namespace it would ignore the soft ones'
// signals.
#pragma once

#include <cstdint>

#include "sandbox/walls/wall_error.h"

namespace airlock::walls {

struct ResourceLimits {
  uint64_t memory_bytes = 0;  // address space, and data alone
  uint64_t cpu_seconds = 0;
  uint64_t output_bytes = 0;  // no write to a file or memfd goes past this offset, or that of the largest graph file
};

// Applies them and the fixed ones: 258 descriptors, no processes, no core, no locked memory, no message queues. A host
// whose hard limits are lower already keeps its own.
WallResult ApplyRlimits(const ResourceLimits& limits);

}  // namespace airlock::walls
