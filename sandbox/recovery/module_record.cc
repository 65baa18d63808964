#include "sandbox/recovery/module_record.h"

#include "sandbox/recovery/items.h"

namespace airlock::recovery {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

std::optional<ModuleRecord> ReadModule(const pickle::Graph& graph, NodeId attributes) {
  ModuleRecord module;
  module.parameters = Find(graph, attributes, "_parameters");
  module.buffers = Find(graph, attributes, "_buffers");
  module.modules = Find(graph, attributes, "_modules");
  for (const NodeId part : {module.parameters, module.buffers, module.modules}) {
    if (!IsDict(graph, part)) return std::nullopt;
  }
  // Torch before 1.5 had none.
  const NodeId names = Find(graph, attributes, "_non_persistent_buffers_set");
  if (names != kNoNode && !graph.is(names, Kind::kSet)) return std::nullopt;
  module.non_persistent = names;
  return module;
}

}  // namespace airlock::recovery
