// ModuleRecord: the parts of a torch.nn.Module in the record that a pickle makes of one, whatever its class.
#pragma once

#include <optional>

#include "sandbox/pickle/graph.h"
#include "sandbox/pickle/symbols.h"

namespace airlock::recovery {

struct ModuleRecord {
  pickle::NodeId parameters = pickle::kNoNode;  // these three are dicts
  pickle::NodeId buffers = pickle::kNoNode;
  pickle::NodeId modules = pickle::kNoNode;
  pickle::NodeId non_persistent = pickle::kNoNode;  // a set of names, or none
};

// Absent: no module. `attributes` is what AttributesOf gave for the record; it is gone through a few times.
std::optional<ModuleRecord> ReadModule(const pickle::Graph& graph, pickle::NodeId attributes);

// Whether a class is one of torch's that write a state_dict() of their own: packed weights, which no dict of theirs
// has.
bool WritesItsOwnState(const pickle::SymbolUse& module_class);

}  // namespace airlock::recovery
