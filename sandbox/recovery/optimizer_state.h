// The state_dict() of an optimizer: its parameter groups with parameters as numbers, its state by the same numbers.
#pragma once

#include "sandbox/base/error.h"
#include "sandbox/pickle/machine.h"

namespace airlock::recovery {

// A kDict node with `state` and `param_groups`; kNoNode where the record is no optimizer, or has state for a parameter
// of no group, of which torch makes no state_dict either. Fails where a limit is hit.
Result<pickle::NodeId> RecoverOptimizer(pickle::Context& context, pickle::NodeId record);

}  // namespace airlock::recovery
