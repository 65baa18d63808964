#include "client/cli/weights/key_path.h"

#include <algorithm>
#include <string>

namespace airlock::cli {
namespace {

struct NamedChild {
  NodeId node;
  std::string_view rest;
};

// What `path` leads to among the children of a dict, list or tuple, and the rest of the path. Longer names go first,
// for they may hold dots.
std::optional<NamedChild> ChildOf(const Graph& graph, NodeId node, std::string_view path) {
  const bool dict = IsDict(graph.kind(node));
  if (!dict && !IsSequence(graph.kind(node))) return std::nullopt;
  const auto refs = dict ? graph.Pairs(node) : graph.Items(node);
  std::optional<NamedChild> best;
  size_t best_length = 0;
  for (size_t i = 0; i < refs.size(); i += dict ? 2 : 1) {
    const std::string name = dict ? KeyText(graph, refs[i]) : std::to_string(i);
    if (!path.starts_with(name) || (best && name.size() <= best_length)) continue;
    if (path.size() > name.size() && path[name.size()] != '.') continue;
    best_length = name.size();
    best = {refs[dict ? i + 1 : i], path.substr(std::min(path.size(), name.size() + 1))};
  }
  return best;
}

// As names go through a record: what was recovered of it, or its pairs, its items and its attributes.
std::optional<NamedChild> ChildOfRecord(const Graph& graph, NodeId node, std::string_view path) {
  const Record record = graph.RecordAt(node);
  if (record.recovered) {
    if (!path.starts_with(kRecoveredPart)) return std::nullopt;
    path.remove_prefix(kRecoveredPart.size());
    if (!path.empty() && path[0] != '.') return std::nullopt;
    return NamedChild{*record.recovered, path.substr(std::min<size_t>(path.size(), 1))};
  }
  for (const auto& part : {record.pairs, record.items, record.state}) {
    if (!part) continue;
    if (const auto child = ChildOf(graph, *part, path)) return child;
  }
  return std::nullopt;
}

}  // namespace

std::optional<NodeId> AtKey(const Graph& graph, std::string_view path) {
  NodeId node = 0;
  while (!path.empty()) {
    const NodeId holder = Behind(graph, node);
    const bool record = graph.kind(holder) == v1::NODE_KIND_RECORD;
    const auto child = record ? ChildOfRecord(graph, holder, path) : ChildOf(graph, holder, path);
    if (!child) return std::nullopt;
    node = child->node;
    path = child->rest;
  }
  return node;
}

}  // namespace airlock::cli
