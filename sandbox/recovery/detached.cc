#include "sandbox/recovery/detached.h"

#include <vector>

namespace airlock::recovery {

using pickle::Graph;
using pickle::Kind;
using pickle::NodeId;

namespace {

constexpr uint32_t kDropped = tensors::kRequiresGrad | tensors::kParameter;

}  // namespace

Result<NodeId> Detached::Of(NodeId node) {
  if (const auto made = made_.find(node); made != made_.end()) return made->second;
  AIRLOCK_ASSIGN(const NodeId detached, Make(node));
  if (detached != node) made_.emplace(node, detached);
  return detached;
}

Result<NodeId> Detached::Make(NodeId node) {
  const Graph& graph = context_.graph;
  // Attributes stay behind. What has them is no tensor with attributes again.
  const NodeId tensor = graph.is(node, Kind::kAttributed) ? graph.children(node)[0] : node;
  switch (graph.kind(tensor)) {
    case Kind::kTensor:
      return MakeStrided(tensor);
    case Kind::kSparseTensor:
      return MakeCompound(tensor, tensors::kSparseRequiresGrad);
    case Kind::kMetaTensor:
      return MakeCompound(tensor, kDropped);
    default:
      return tensor;
  }
}

Result<NodeId> Detached::MakeStrided(NodeId node) {
  const uint32_t original = context_.graph.tensor(node);
  tensors::TensorView view = tables_.tensor(original);
  if ((view.flags & kDropped) == 0) return node;
  const uint64_t limit = context_.limits.tensors;
  if (tables_.tensor_count() >= limit) return FailLimit("tensors", limit, tables_.tensor_count() + 1);
  view.flags &= ~kDropped;
  const uint32_t copy = tables_.AddTensor(view);
  CopyQuantization(original, copy);
  return context_.graph.Tensor(copy);
}

NodeId Detached::MakeCompound(NodeId node, uint32_t dropped) {
  Graph& graph = context_.graph;
  const uint32_t count = graph.count(node);
  if ((count & dropped) == 0) return node;
  const std::vector<NodeId> refs(graph.children(node).begin(), graph.children(node).end());
  return graph.Compound(graph.kind(node), count & ~dropped, refs);
}

void Detached::CopyQuantization(uint32_t from, uint32_t to) {
  const auto& rows = tables_.quantizations();
  for (; quantizations_seen_ < rows.size(); ++quantizations_seen_) {
    quantization_of_.emplace(rows[quantizations_seen_].tensor, quantizations_seen_);
  }
  const auto found = quantization_of_.find(from);
  if (found == quantization_of_.end()) return;
  tensors::Quantization copy = rows[found->second];
  copy.tensor = to;
  tables_.AddQuantization(copy);
}

}  // namespace airlock::recovery
