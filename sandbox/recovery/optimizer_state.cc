#include "sandbox/recovery/optimizer_state.h"

#include <array>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "sandbox/recovery/items.h"

namespace airlock::recovery {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

// What an optimizer consists of. A parameter is known by its identity: by its node.
struct OptimizerRecord {
  NodeId groups = kNoNode;  // a list of dicts, each with a list `params`
  NodeId state = kNoNode;   // a dict
};

// `state` is a defaultdict, which is a record that has its contents in pairs; an empty one may have none.
std::optional<NodeId> StateDict(const Graph& graph, NodeId state) {
  if (IsDict(graph, state)) return state;
  if (!graph.is(state, Kind::kRecord) || graph.record(state).state != kNoNode) return std::nullopt;
  return graph.record(state).pairs;
}

Result<std::optional<OptimizerRecord>> ReadOptimizer(pickle::Context& context, NodeId record) {
  using Absent = std::optional<OptimizerRecord>;
  const Graph& graph = context.graph;
  const NodeId attributes = AttributesOf(graph, record);
  if (attributes == kNoNode) return Absent();
  AIRLOCK_TRY(Charge(context, 1 + graph.children(attributes).size()));
  const NodeId groups = Find(graph, attributes, "param_groups");
  const NodeId state = Find(graph, attributes, "state");
  if (!graph.is(groups, Kind::kList) || graph.children(groups).empty() || state == kNoNode) return Absent();
  for (const NodeId group : graph.children(groups)) {
    if (!IsDict(graph, group)) return Absent();
    AIRLOCK_TRY(Charge(context, 1 + graph.children(group).size()));
    if (!graph.is(Find(graph, group, "params"), Kind::kList)) return Absent();
  }
  const std::optional<NodeId> contents = StateDict(graph, state);
  if (!contents) return Absent();
  return Absent({groups, *contents});
}

class OptimizerState {
 public:
  explicit OptimizerState(pickle::Context& context) : context_(context), graph_(context.graph) {}

  Result<NodeId> Make(const OptimizerRecord& optimizer);

 private:
  Result<NodeId> PackGroup(NodeId group);
  Result<NodeId> PackState(NodeId state);
  NodeId Text(std::string_view text) { return graph_.Text(Kind::kString, text); }

  pickle::Context& context_;
  Graph& graph_;
  std::unordered_map<NodeId, int64_t> number_of_;  // by parameter
  int64_t next_ = 0;
};

// All but `params`, then `params`. A parameter of an earlier group keeps its number; of two places in one group the
// last counts; numbers go on as if each place had one of its own. So does torch.
Result<NodeId> OptimizerState::PackGroup(NodeId group) {
  const std::vector<NodeId> pairs(graph_.children(group).begin(), graph_.children(group).end());
  const NodeId listed = Find(graph_, group, "params");
  const std::vector<NodeId> params(graph_.children(listed).begin(), graph_.children(listed).end());
  AIRLOCK_TRY(Charge(context_, pairs.size() + params.size()));
  AIRLOCK_TRY(CheckRoom(context_, params.size() + 3, 0));
  std::vector<NodeId> packed;
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (graph_.is(pairs[i], Kind::kString) && graph_.text(pairs[i]) == "params") continue;
    packed.insert(packed.end(), {pairs[i], pairs[i + 1]});
  }
  for (size_t i = 0; i < params.size(); ++i) {
    const int64_t number = next_ + static_cast<int64_t>(i);
    const auto known = number_of_.emplace(params[i], number).first;
    if (known->second >= next_) known->second = number;
  }
  next_ += static_cast<int64_t>(params.size());
  std::vector<NodeId> numbers;
  numbers.reserve(params.size());
  for (const NodeId param : params) numbers.push_back(graph_.Int(number_of_.at(param)));
  packed.push_back(Text("params"));
  packed.push_back(graph_.Container(Kind::kList, numbers));
  return graph_.Container(Kind::kDict, packed);
}

Result<NodeId> OptimizerState::PackState(NodeId state) {
  std::vector<NodeId> pairs;
  if (state != kNoNode) pairs.assign(graph_.children(state).begin(), graph_.children(state).end());
  AIRLOCK_TRY(Charge(context_, pairs.size()));
  AIRLOCK_TRY(CheckRoom(context_, pairs.size() / 2 + 1, 0));
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    const auto number = number_of_.find(pairs[i]);
    if (number != number_of_.end()) {
      pairs[i] = graph_.Int(number->second);
    } else if (IsTensor(graph_, pairs[i])) {
      return kNoNode;
    }
  }
  return graph_.Container(Kind::kDict, pairs);
}

Result<NodeId> OptimizerState::Make(const OptimizerRecord& optimizer) {
  const std::vector<NodeId> groups(graph_.children(optimizer.groups).begin(), graph_.children(optimizer.groups).end());
  std::vector<NodeId> packed;
  packed.reserve(groups.size());
  for (const NodeId group : groups) {
    AIRLOCK_ASSIGN(const NodeId node, PackGroup(group));
    packed.push_back(node);
  }
  AIRLOCK_ASSIGN(const NodeId state, PackState(optimizer.state));
  if (state == kNoNode) return kNoNode;
  const NodeId list = graph_.Container(Kind::kList, packed);
  return graph_.Container(Kind::kDict, std::array{Text("state"), state, Text("param_groups"), list});
}

}  // namespace

Result<NodeId> RecoverOptimizer(pickle::Context& context, NodeId record) {
  AIRLOCK_ASSIGN(const std::optional<OptimizerRecord> optimizer, ReadOptimizer(context, record));
  if (!optimizer) return kNoNode;
  return OptimizerState(context).Make(*optimizer);
}

}  // namespace airlock::recovery
