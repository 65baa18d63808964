// How a test tells airlock-worker-breached which walls to leave out: a word behind the set-up (worker_setup.h), in the
// same sealed file. The shipped program reads the set-up alone and has no code that could ask for more.
#pragma once

#include <cstdint>

namespace airlock::hostile {

// Not a layer of the worker but of what it is handed: an input opened for reading, an output that is sealed.
inline constexpr uint64_t kDescriptors = uint64_t{1} << 32;

// LayerBit mask of the walls that the next spawner and its workers raise. For the test's process; set before Start.
extern uint64_t walls_to_raise;

}  // namespace airlock::hostile
