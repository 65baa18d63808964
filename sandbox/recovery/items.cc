#include "sandbox/recovery/items.h"

#include <span>
#include <unordered_map>

#include "sandbox/base/keyed_hash.h"

namespace airlock::recovery {

using pickle::Graph;
using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

bool IsDict(const Graph& graph, NodeId node) {
  return graph.is(node, Kind::kDict) || graph.is(node, Kind::kOrderedDict);
}

bool IsTensor(const Graph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case Kind::kTensor:
    case Kind::kSparseTensor:
    case Kind::kMetaTensor:
    case Kind::kNestedTensor:
    case Kind::kAttributed:
      return true;
    default:
      return false;
  }
}

bool IsNamed(const Graph& graph, NodeId dict) {
  const std::span<const NodeId> pairs = graph.children(dict);
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (!graph.is(pairs[i], Kind::kString)) return false;
  }
  return true;
}

std::vector<Item> ItemsOf(const Graph& graph, NodeId dict) {
  const std::span<const NodeId> pairs = graph.children(dict);
  std::vector<Item> items;
  items.reserve(pairs.size() / 2);
  std::unordered_map<std::string_view, size_t, KeyedHash> places;
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (!graph.is(pairs[i], Kind::kString)) continue;
    const auto [place, fresh] = places.emplace(graph.text(pairs[i]), items.size());
    if (fresh) {
      items.push_back({.name = graph.text(pairs[i]), .value = pairs[i + 1]});
    } else {
      items[place->second].value = pairs[i + 1];
    }
  }
  return items;
}

NodeId AttributesOf(const Graph& graph, NodeId record) {
  const pickle::RecordParts parts = graph.record(record);
  if (parts.state == kNoNode || parts.many_states) return kNoNode;
  if (IsDict(graph, parts.state)) return parts.state;
  // (attributes, slots)
  const bool pair = graph.is(parts.state, Kind::kTuple) && graph.children(parts.state).size() == 2;
  const NodeId first = pair ? graph.children(parts.state)[0] : kNoNode;
  return IsDict(graph, first) ? first : kNoNode;
}

NodeId Find(const Graph& graph, NodeId dict, std::string_view name) {
  const std::span<const NodeId> pairs = graph.children(dict);
  for (size_t i = pairs.size(); i >= 2; i -= 2) {
    if (graph.is(pairs[i - 2], Kind::kString) && graph.text(pairs[i - 2]) == name) return pairs[i - 1];
  }
  return kNoNode;
}

Result<void> Charge(pickle::Context& context, uint64_t work) {
  context.opcodes += work;
  const uint64_t limit = context.limits.opcodes;
  if (context.opcodes > limit) return FailLimit("opcodes", limit, context.opcodes);
  return {};
}

Result<void> CheckRoom(const pickle::Context& context, uint64_t nodes, uint64_t text) {
  const Limits& limits = context.limits;
  const uint64_t all_nodes = context.graph.size() + nodes;
  const uint64_t all_text = context.graph.string_bytes() + text;
  if (all_nodes > limits.nodes) return FailLimit("nodes", limits.nodes, all_nodes);
  if (all_text > limits.string_bytes) return FailLimit("string_bytes", limits.string_bytes, all_text);
  return {};
}

}  // namespace airlock::recovery
