// Any bytes as a pickle stream: the machine ends with an object or an error, and what it builds can be walked.
#include <cstdint>

#include "sandbox/pickle/key_identity.h"
#include "sandbox/pickle/machine.h"
#include "sandbox/pickle/memory_source.h"

namespace airlock::pickle {
namespace {

// Makes nodes of every kind that the machine treats apart.
class FuzzConstructor : public Constructor {
 public:
  explicit FuzzConstructor(Graph& graph) : graph_(graph) {}
  Result<NodeId> Construct(uint32_t symbol, NodeId, uint64_t) override {
    return symbol % 2 == 0 ? kNoNode : graph_.Tensor(symbol);
  }
  Result<bool> Build(NodeId, NodeId state, uint64_t) override { return graph_.is(state, Kind::kNone); }
  Result<NodeId> Persistent(NodeId id, uint64_t) override { return graph_.Storage(id, 0); }
  Result<NodeId> Value(uint32_t symbol, uint64_t) override {
    return symbol % 3 == 0 ? kNoNode : graph_.Text(Kind::kDType, "float32");
  }

 private:
  Graph& graph_;
};

void Walk(const Graph& graph) {
  KeyIdentity identity(graph);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Kind kind = graph.kind(id);
    if (kind == Kind::kDict || kind == Kind::kOrderedDict) {
      if (identity.DistinctPairs(id).size() > graph.children(id).size()) __builtin_trap();
    } else if (kind == Kind::kSet || kind == Kind::kFrozenSet) {
      if (identity.DistinctMembers(id).size() > graph.children(id).size()) __builtin_trap();
    }
  }
}

}  // namespace
}  // namespace airlock::pickle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace airlock::pickle;  // NOLINT(google-build-using-namespace)
  Context context;
  context.limits.nodes = 100'000;
  context.limits.opcodes = 1'000'000;
  context.limits.string_bytes = 1 << 22;
  FuzzConstructor constructor(context.graph);
  MemorySource source({data, size});
  const auto root = Decode(context, constructor, source, 0);
  if (root.ok()) {
    if (*root >= context.graph.size()) __builtin_trap();
    Walk(context.graph);
  }
  return 0;
}
