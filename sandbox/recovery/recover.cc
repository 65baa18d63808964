#include "sandbox/recovery/recover.h"

#include <optional>
#include <span>
#include <vector>

#include "sandbox/recovery/detached.h"
#include "sandbox/recovery/items.h"
#include "sandbox/recovery/module_state.h"
#include "sandbox/recovery/optimizer_state.h"

namespace airlock::recovery {
namespace {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;
using pickle::RecordParts;

class Recovery {
 public:
  Recovery(pickle::Context& context, tensors::Tables& tables)
      : context_(context), graph_(context.graph), detached_(context, tables), reached_(graph_.size(), false) {}

  Result<void> Run(NodeId root) {
    Reach(root);
    while (!pending_.empty()) {
      const NodeId node = pending_.back();
      pending_.pop_back();
      AIRLOCK_TRY(Visit(node));
    }
    return {};
  }

 private:
  void Reach(NodeId node) {
    if (node == kNoNode || node >= reached_.size() || reached_[node]) return;
    reached_[node] = true;
    pending_.push_back(node);
  }
  void ReachAll(std::span<const NodeId> nodes) {
    for (size_t i = nodes.size(); i > 0; --i) Reach(nodes[i - 1]);
  }

  Result<void> Visit(NodeId node);
  Result<void> VisitRecord(NodeId node);

  pickle::Context& context_;
  pickle::Graph& graph_;
  Detached detached_;
  // Of the nodes that were there before: what recovery makes holds nothing to recover.
  std::vector<bool> reached_;
  std::vector<NodeId> pending_;
};

Result<void> Recovery::Visit(NodeId node) {
  switch (graph_.kind(node)) {
    case Kind::kRecord:
      return VisitRecord(node);
    case Kind::kOrderedDict:
      Reach(graph_.attributes(node));
      [[fallthrough]];
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
    case Kind::kFrozenSet:
    case Kind::kDict:
    case Kind::kAttributed:
    case Kind::kStream:
      ReachAll(graph_.children(node));
      return {};
    default:
      return {};
  }
}

Result<void> Recovery::VisitRecord(NodeId node) {
  AIRLOCK_ASSIGN(NodeId recovered, RecoverModule(context_, detached_, node));
  if (recovered == kNoNode) {
    AIRLOCK_ASSIGN(recovered, RecoverOptimizer(context_, node));
  }
  RecordParts parts = graph_.record(node);
  if (recovered != kNoNode) {
    parts.recovered = recovered;
    graph_.SetRecord(node, parts);
    return {};
  }
  for (const NodeId part : {parts.pairs, parts.items, parts.state, parts.kwargs, parts.args, parts.callee}) Reach(part);
  return {};
}

}  // namespace

Result<void> Recover(pickle::Context& context, tensors::Tables& tables, NodeId root) {
  // Most checkpoints hold no object, and are not walked for one.
  if (!context.graph.has_records()) return {};
  bool any = false;
  for (NodeId id = 0; id < context.graph.size() && !any; ++id) any = context.graph.is(id, Kind::kRecord);
  if (!any) return {};
  return Recovery(context, tables).Run(root);
}

}  // namespace airlock::recovery
