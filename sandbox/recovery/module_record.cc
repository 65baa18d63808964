#include "sandbox/recovery/module_record.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "sandbox/recovery/items.h"

namespace airlock::recovery {

namespace {

constexpr std::string_view kPackedModules[] = {
    "torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torch.ao.nn.sparse.quantized",
    "torch.nn.quantized",    "torch.nn.intrinsic.quantized",    "torch.nn._intrinsic.quantized",
    "torch.jit._script",     "torch.fx.graph_module",
};

}  // namespace

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

bool WritesItsOwnState(const pickle::SymbolUse& module_class) {
  return std::any_of(std::begin(kPackedModules), std::end(kPackedModules), [&](std::string_view package) {
    const std::string_view module = module_class.module;
    return module.starts_with(package) && (module.size() == package.size() || module[package.size()] == '.');
  });
}

}  // namespace airlock::recovery
