#include "sandbox/formats/value_walk.h"

#include <algorithm>
#include <span>

namespace airlock::formats {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

// Of a path, and of one part of it.
constexpr size_t kMaxPath = 160;
constexpr size_t kMaxPart = 40;
constexpr size_t kMaxSteps = 256;

// Parts of a record in the order in which they are walked. Only those of which a name tells more have one.
struct PartRow {
  NodeId pickle::RecordParts::*part;
  const char* label;
};
constexpr PartRow kParts[] = {
    {&pickle::RecordParts::callee, "callee"}, {&pickle::RecordParts::args, "args"},
    {&pickle::RecordParts::kwargs, "kwargs"}, {&pickle::RecordParts::state, ""},
    {&pickle::RecordParts::items, ""},        {&pickle::RecordParts::pairs, ""},
};

bool IsText(Kind kind) { return kind == Kind::kBytes || kind == Kind::kByteArray || kind == Kind::kString; }
bool IsDict(Kind kind) { return kind == Kind::kDict || kind == Kind::kOrderedDict; }
bool IsSet(Kind kind) { return kind == Kind::kSet || kind == Kind::kFrozenSet; }

std::string KeyLabel(const Graph& graph, NodeId key) {
  switch (graph.kind(key)) {
    case Kind::kString:
      return std::string(graph.text(key).substr(0, kMaxPart));
    case Kind::kInt:
      return std::to_string(graph.integer(key));
    default:
      return "?";
  }
}

}  // namespace

ValueWalk::ValueWalk(const Graph& graph, NodeId root) : graph_(graph) {
  Grow();
  Reach(root, kNoNode, 0);
}

void ValueWalk::AddRoot(NodeId root) {
  if (reached_[root]) return;
  reached_[root] = true;
  steps_[root] = {};
  pending_.insert(pending_.begin(), root);
}

// Keys are marked before anything is given out: a byte string may be a key in one place and a value in another.
void ValueWalk::Grow() {
  const auto from = static_cast<NodeId>(reached_.size());
  if (from == graph_.size()) return;
  steps_.resize(graph_.size());
  reached_.resize(graph_.size(), false);
  is_key_.resize(graph_.size(), false);
  for (NodeId id = from; id < graph_.size(); ++id) {
    const Kind kind = graph_.kind(id);
    if (IsDict(kind)) MarkKeys(id, 2);
    if (IsSet(kind)) MarkKeys(id, 1);
  }
}

// Each node is marked once, with what a tuple or frozen set among the keys holds.
void ValueWalk::MarkKeys(NodeId node, size_t step) {
  std::vector<NodeId> pending;
  const auto mark = [&](NodeId key) {
    if (is_key_[key]) return;
    is_key_[key] = true;
    const Kind kind = graph_.kind(key);
    if (kind == Kind::kTuple || kind == Kind::kFrozenSet) pending.push_back(key);
  };
  const std::span<const NodeId> children = graph_.children(node);
  for (size_t i = 0; i < children.size(); i += step) mark(children[i]);
  while (!pending.empty()) {
    const NodeId key = pending.back();
    pending.pop_back();
    for (const NodeId child : graph_.children(key)) mark(child);
  }
}

void ValueWalk::Reach(NodeId node, NodeId parent, uint32_t position) {
  if (node == kNoNode || reached_[node]) return;
  reached_[node] = true;
  steps_[node] = {parent, position};
  pending_.push_back(node);
}

NodeId ValueWalk::Next() {
  Grow();
  while (!pending_.empty()) {
    const NodeId node = pending_.back();
    pending_.pop_back();
    if (IsText(graph_.kind(node))) return node;
    Expand(node);
  }
  return kNoNode;
}

// The last that is pushed comes first, so the last child is pushed first.
void ValueWalk::Expand(NodeId node) {
  const Kind kind = graph_.kind(node);
  switch (kind) {
    case Kind::kRecord:
      return ExpandRecord(node);
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
    case Kind::kFrozenSet:
    case Kind::kDict:
    case Kind::kOrderedDict:
    case Kind::kAttributed:
      break;
    case Kind::kStream:
      // The bytes themselves were looked at.
      return Reach(graph_.children(node)[1], node, 1);
    default:
      return;
  }
  const std::span<const NodeId> children = graph_.children(node);
  for (size_t i = children.size(); i > 0; --i) Reach(children[i - 1], node, static_cast<uint32_t>(i - 1));
  if (kind == Kind::kOrderedDict) Reach(graph_.attributes(node), node, UINT32_MAX);
}

void ValueWalk::ExpandRecord(NodeId node) {
  const pickle::RecordParts parts = graph_.record(node);
  for (size_t i = std::size(kParts); i > 0; --i) Reach(parts.*kParts[i - 1].part, node, static_cast<uint32_t>(i - 1));
}

std::string ValueWalk::Label(const Step& step) const {
  switch (graph_.kind(step.parent)) {
    case Kind::kRecord:
      return kParts[step.position].label;
    case Kind::kStream:
    case Kind::kAttributed:
      return "";
    case Kind::kOrderedDict:
      if (step.position == UINT32_MAX) return "";
      [[fallthrough]];
    case Kind::kDict:
      return KeyLabel(graph_, graph_.children(step.parent)[step.position & ~1U]);
    default:
      return std::to_string(step.position);
  }
}

std::string ValueWalk::PathOf(NodeId node) const {
  std::string path;
  size_t count = 0;
  for (Step step = steps_[node]; step.parent != kNoNode; step = steps_[step.parent]) {
    std::string label = Label(step);
    const bool too_long = ++count > kMaxSteps || label.size() + path.size() + 1 > kMaxPath;
    if (too_long) label = "...";
    if (!label.empty()) {
      if (!path.empty()) label.append(1, '.');
      path = label.append(path);
    }
    if (too_long) break;
  }
  return path;
}

}  // namespace airlock::formats
