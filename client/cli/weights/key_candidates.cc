#include "client/cli/weights/key_candidates.h"

#include <algorithm>

namespace airlock::cli {
namespace {

constexpr size_t kMaxCandidates = 12;
// Longer ones help nobody.
constexpr size_t kMaxPathBytes = 200;

// A container on the way down, and how it was reached: paths are made only of those that are shown.
struct Step {
  NodeId node;
  size_t parent;
  // A key of the parent, or where it stands in it.
  std::optional<NodeId> key;
  size_t index;
  bool holds_tensors = false;
  // Of one right below the root: there are some further down.
  bool leads_to_tensors = false;
};

bool IsTensor(v1::NodeKind kind) {
  return kind == v1::NODE_KIND_TENSOR || kind == v1::NODE_KIND_SPARSE_TENSOR || kind == v1::NODE_KIND_NESTED_TENSOR ||
         kind == v1::NODE_KIND_ARRAY;
}

// Level by level; each container once, at the first path that leads to it.
class Search {
 public:
  explicit Search(const Graph& graph) : graph_(graph), seen_(graph.size()) {}

  KeyCandidates Run() {
    Enter(Behind(graph_, 0), 0, {}, 0);
    for (size_t at = 0; at < steps_.size(); ++at) Expand(at, steps_[at].node);
    KeyCandidates found;
    found.tensors = tensors_;
    for (size_t at = 1; at < steps_.size(); ++at) {
      const Step& step = steps_[at];
      if (step.holds_tensors || (step.parent == 0 && step.leads_to_tensors)) Show(at, found);
    }
    return found;
  }

 private:
  void Enter(NodeId node, size_t parent, std::optional<NodeId> key, size_t index) {
    if (IsTensor(graph_.kind(node))) return Mark(parent);
    const v1::NodeKind kind = graph_.kind(node);
    if ((!IsDict(kind) && !IsSequence(kind) && kind != v1::NODE_KIND_RECORD) || seen_[node]) return;
    seen_[node] = true;
    steps_.push_back({node, parent, key, index});
  }

  void Mark(size_t holder) {
    tensors_ = true;
    if (steps_.empty()) return;  // the root is a tensor itself
    steps_[holder].holds_tensors = true;
    while (holder != 0 && !steps_[holder].leads_to_tensors) {
      steps_[holder].leads_to_tensors = true;
      holder = steps_[holder].parent;
    }
  }

  // What a record holds stands where it stands: --key goes through its parts without naming them.
  void Expand(size_t at, NodeId node) {
    if (graph_.kind(node) == v1::NODE_KIND_RECORD) return ExpandRecord(at, node);
    const bool dict = IsDict(graph_.kind(node));
    const auto refs = dict ? graph_.Pairs(node) : graph_.Items(node);
    for (size_t i = 0; i < refs.size(); i += dict ? 2 : 1) {
      const std::optional<NodeId> key = dict ? std::optional<NodeId>(refs[i]) : std::nullopt;
      Enter(Behind(graph_, refs[dict ? i + 1 : i]), at, key, i);
    }
  }

  void ExpandRecord(size_t at, NodeId node) {
    const Record record = graph_.RecordAt(node);
    if (record.recovered) return IsDict(graph_.kind(*record.recovered)) ? Expand(at, *record.recovered) : void();
    for (const auto& part : {record.pairs, record.items, record.state}) {
      if (part && (IsDict(graph_.kind(*part)) || IsSequence(graph_.kind(*part)))) Expand(at, *part);
    }
  }

  void Show(size_t at, KeyCandidates& found) const {
    std::string path;
    for (; at != 0; at = steps_[at].parent) {
      const Step& step = steps_[at];
      const std::string part = step.key ? KeyText(graph_, *step.key) : std::to_string(step.index);
      path = path.empty() ? part : part + "." + path;
      if (IsRecovered(steps_[step.parent].node)) path = std::string(kRecoveredPart) + "." + path;
      if (path.size() > kMaxPathBytes) return void(found.more = true);
    }
    if (found.paths.size() == kMaxCandidates) return void(found.more = true);
    found.paths.push_back(std::move(path));
  }

  bool IsRecovered(NodeId node) const {
    return graph_.kind(node) == v1::NODE_KIND_RECORD && graph_.RecordAt(node).recovered;
  }

  const Graph& graph_;
  std::vector<bool> seen_;
  // The root first.
  std::vector<Step> steps_;
  bool tensors_ = false;
};

}  // namespace

KeyCandidates FindKeyCandidates(const Contents& contents) {
  if (contents.graph().size() == 0) return {};
  return Search(contents.graph()).Run();
}

}  // namespace airlock::cli
