#include "sandbox/worker/emit_order.h"

namespace airlock::worker {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

EmitOrder::EmitOrder(const formats::Checkpoint& checkpoint)
    : checkpoint_(checkpoint),
      graph_(checkpoint.context.graph),
      identity_(graph_),
      nodes_(graph_.size()),
      tensors_(checkpoint.tables.tensor_count()),
      storages_(checkpoint.tables.storages().size()),
      storage_used_(checkpoint.tables.storages().size(), false),
      quantization_of_(checkpoint.tables.tensor_count(), kNotReached) {}

void NodeNumbers::Number(NodeId root) {
  root_ = root;
  uint32_t count = 0;
  for (size_t block = 0; block < reached_.size(); ++block) {
    first_[block] = count;
    count += CountOf(reached_[block]);
  }
}

// Into both functions below, so that each is built for its processors.
template <typename Count>
[[gnu::always_inline]] inline void NodeNumbers::OfBy(Count count, std::span<const NodeId> nodes, uint32_t* out) const {
  const uint64_t* const reached = reached_.data();
  for (const NodeId node : nodes) {
    const uint64_t before = reached[node / kBlock] & (BitOf(node) - 1);
    const uint32_t number = first_.data()[node / kBlock] + count(before) + (node < root_ ? 1 : 0);
    *out++ = node == root_ ? 0 : number;
  }
}

#if defined(__x86_64__)
[[gnu::target("popcnt")]] void NodeNumbers::OfByInstruction(std::span<const NodeId> nodes, uint32_t* out) const {
  OfBy([](uint64_t bits) { return static_cast<uint32_t>(__builtin_popcountll(bits)); }, nodes, out);
}
#endif

void NodeNumbers::Of(std::span<const NodeId> nodes, uint32_t* out) const {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("popcnt")) return OfByInstruction(nodes, out);
#endif
  OfBy(CountOf, nodes, out);
}

Result<void> EmitOrder::Walk() {
  AIRLOCK_TRY(WalkNodes());
  nodes_.Number(checkpoint_.root);
  AIRLOCK_TRY(CheckSpans());
  ReachTensors();
  ReachStorages();
  return {};
}

Result<void> EmitOrder::WalkNodes() {
  AIRLOCK_TRY(Visit(checkpoint_.root, 0));
  while (!steps_.empty()) AIRLOCK_TRY(TakeStep());
  return {};
}

Result<void> EmitOrder::TakeStep() {
  Step& step = steps_.back();
  const uint32_t depth = step.depth;
  if (step.single != kNoNode) {
    const NodeId node = step.single;
    steps_.pop_back();
    return Visit(node, depth);
  }
  // Most children are leaves: they are numbered in a run.
  NodeId inner = kNoNode;
  while (inner == kNoNode && step.next != step.end) {
    const NodeId node = *step.next++;
    if (nodes_.Reach(node) && HasMore(graph_.kind(node))) inner = node;
  }
  if (step.next == step.end) steps_.pop_back();
  return inner == kNoNode ? Result<void>() : Enter(inner, depth);
}

// Bytes that were left in the input are texts like any other from here on.
Result<void> EmitOrder::CheckSpans() const {
  if (!graph_.has_spans()) return {};
  const uint64_t limit = checkpoint_.context.limits.string_bytes;
  uint64_t used = graph_.string_bytes();
  const bool fits = nodes_.ForEach([&](NodeId node) {
    if (const auto span = graph_.span(node)) used += span->length;
    return used <= limit;
  });
  return fits ? Result<void>() : FailLimit("string_bytes", limit, used);
}

// `depth` counts the containers around the node. REQUIRES: HasMore.
Result<void> EmitOrder::Enter(NodeId node, uint32_t depth) {
  switch (graph_.kind(node)) {
    case Kind::kTensor:
    case Kind::kArray:
      tensors_.Reach(graph_.tensor(node));
      return {};
    case Kind::kStorage:
      storage_used_[graph_.storage(node)] = true;
      return {};
    default:
      break;
  }
  const uint64_t most = checkpoint_.context.limits.depth;
  if (depth >= most) return FailLimit("depth", most, uint64_t{depth} + 1);
  if (graph_.is(node, Kind::kRecord)) {
    VisitRecord(node, depth + 1);
  } else {
    VisitChildren(node, depth + 1);
  }
  return {};
}

void EmitOrder::PushSingle(NodeId node, uint32_t depth) {
  if (node != kNoNode) steps_.push_back({nullptr, nullptr, node, depth});
}

bool EmitOrder::IsKnown(NodeId callee) const {
  return graph_.is(callee, Kind::kSymbol) &&
         checkpoint_.context.symbols[graph_.symbol(callee)].symbol_class == pickle::SymbolClass::kKnown;
}

void EmitOrder::VisitRecord(NodeId node, uint32_t depth) {
  const pickle::RecordParts parts = graph_.record(node);
  if (parts.pairs != kNoNode && !IsKnown(parts.callee)) record_pairs_.insert(parts.pairs);
  // The last pushed is visited first.
  for (const NodeId part :
       {parts.recovered, parts.pairs, parts.items, parts.state, parts.kwargs, parts.args, parts.callee}) {
    PushSingle(part, depth);
  }
}

void EmitOrder::VisitChildren(NodeId node, uint32_t depth) {
  const Kind kind = graph_.kind(node);
  const bool dict = kind == Kind::kDict || kind == Kind::kOrderedDict;
  const bool set = kind == Kind::kSet || kind == Kind::kFrozenSet;
  if ((dict || set) && (record_pairs_.empty() || !record_pairs_.contains(node))) {
    const std::span<const NodeId> distinct = dict ? identity_.DistinctPairs(node) : identity_.DistinctMembers(node);
    if (distinct.size() != graph_.children(node).size()) {
      distinct_.emplace(node, std::vector<NodeId>(distinct.begin(), distinct.end()));
    }
  }
  const std::span<const NodeId> children = Children(node);
  if (!children.empty()) steps_.push_back({children.data(), children.data() + children.size(), kNoNode, depth});
  if (kind == Kind::kOrderedDict) PushSingle(graph_.attributes(node), depth);
}

std::span<const NodeId> EmitOrder::Children(NodeId container) const {
  if (!distinct_.empty()) {
    if (const auto found = distinct_.find(container); found != distinct_.end()) return found->second;
  }
  return graph_.children(container);
}

void EmitOrder::ReachTensors() {
  const auto& rows = checkpoint_.tables.quantizations();
  for (size_t i = 0; i < rows.size(); ++i) quantization_of_[rows[i].tensor] = static_cast<uint32_t>(i);
  // A quantised tensor needs its scales, which no node may name. The list grows as it is gone through.
  for (size_t i = 0; i < tensors_.order.size(); ++i) {
    const uint32_t row = quantization_of_[tensors_.order[i]];
    if (row == kNotReached || !rows[row].per_channel) continue;
    tensors_.Reach(rows[row].scales);
    tensors_.Reach(rows[row].zero_points);
  }
}

void EmitOrder::ReachStorages() {
  for (const uint32_t tensor : tensors_.order) storage_used_[checkpoint_.tables.tensor(tensor).storage] = true;
  for (uint32_t storage = 0; storage < storage_used_.size(); ++storage) {
    if (storage_used_[storage]) storages_.Reach(storage);
  }
}

}  // namespace airlock::worker
