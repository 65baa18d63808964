// The state_dict() of a module: its parameters, its persistent buffers, then the same of its submodules, in torch's
// order and under torch's names.
#pragma once

#include "sandbox/base/error.h"
#include "sandbox/pickle/machine.h"
#include "sandbox/recovery/detached.h"

namespace airlock::recovery {

// A kOrderedDict node; kNoNode where the record is no module. A module inside itself is left out. Fails where a limit
// is hit.
Result<pickle::NodeId> RecoverModule(pickle::Context& context, Detached& detached, pickle::NodeId record);

}  // namespace airlock::recovery
