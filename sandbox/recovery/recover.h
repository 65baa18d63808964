// Recover: what `state_dict()` would give, for every torch.nn.Module and torch.optim.Optimizer that a checkpoint holds
// as an inert record. It is added to the record (RecordParts::recovered); nothing else changes.
//
// Modules and optimizers are known by what they hold, whatever their class: the three dicts of a module, the parameter
// groups of an optimizer. What lies inside a recovered record is part of it and is not recovered once more. No
// recursion; the work counts as opcodes, the names as string bytes.
#pragma once

#include "sandbox/base/error.h"
#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/tables.h"

namespace airlock::recovery {

// Of all that `root` reaches. Fails only where a limit is hit.
Result<void> Recover(pickle::Context& context, tensors::Tables& tables, pickle::NodeId root);

}  // namespace airlock::recovery
