// OnAllProcessors: work on much memory, shared among as many threads as there are processors. Blocks until it is done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "airlock/error.h"

namespace airlock {

// Calls turn(i) for each i below `count`, each once, in any order and on several threads, until one fails: one of the
// errors. `bytes`: what all of them read together; little of it is not worth a thread.
ClientResult<void> OnAllProcessors(size_t count, uint64_t bytes, const std::function<ClientResult<void>(size_t)>& turn);

}  // namespace airlock
