// Any bytes as a pickle of modules and optimizers: recovery ends, within the limits, and what it makes is a state_dict.
#include <cstdint>

#include "sandbox/pickle/machine.h"
#include "sandbox/pickle/memory_source.h"
#include "sandbox/recovery/recover.h"
#include "sandbox/tensors/tables.h"

namespace airlock::recovery {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::NodeId;

// Every call that torch understands makes a parameter.
class FuzzConstructor final : public pickle::Constructor {
 public:
  FuzzConstructor(Graph& graph, tensors::Tables& tables) : graph_(graph), tables_(tables) {
    tables_.AddStorage({.device = tables_.Device("cpu"), .nbytes = 8});
  }
  Result<NodeId> Construct(uint32_t, NodeId, uint64_t) override {
    return graph_.Tensor(tables_.AddTensor({.dtype = tensors::DType::kInt64,
                                            .flags = tensors::kRequiresGrad | tensors::kParameter,
                                            .shape = {},
                                            .stride = {}}));
  }
  Result<bool> Build(NodeId, NodeId, uint64_t) override { return false; }
  Result<NodeId> Persistent(NodeId, uint64_t) override { return graph_.Storage(0, 0); }
  Result<NodeId> Value(uint32_t, uint64_t) override { return pickle::kNoNode; }

 private:
  Graph& graph_;
  tensors::Tables& tables_;
};

void Check(const Graph& graph, NodeId recovered) {
  if (recovered == pickle::kNoNode) return;
  if (!graph.is(recovered, Kind::kDict) && !graph.is(recovered, Kind::kOrderedDict)) __builtin_trap();
  const auto pairs = graph.children(recovered);
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (!graph.is(pairs[i], Kind::kString)) __builtin_trap();
  }
}

}  // namespace
}  // namespace airlock::recovery

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace airlock;  // NOLINT(google-build-using-namespace)
  pickle::Context context;
  context.limits.nodes = 100'000;
  context.limits.opcodes = 300'000;
  context.limits.string_bytes = 1 << 22;
  context.limits.tensors = 10'000;
  tensors::Tables tables;
  recovery::FuzzConstructor constructor(context.graph, tables);
  pickle::MemorySource source({data, size});
  const auto root = pickle::Decode(context, constructor, source, 0);
  if (!root.ok() || !recovery::Recover(context, tables, *root).ok()) return 0;
  if (context.graph.size() > context.limits.nodes || tables.tensor_count() > context.limits.tensors) __builtin_trap();
  for (pickle::NodeId id = 0; id < context.graph.size(); ++id) {
    if (context.graph.is(id, pickle::Kind::kRecord)) recovery::Check(context.graph, context.graph.record(id).recovered);
  }
  return 0;
}
