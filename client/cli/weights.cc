#include "client/cli/weights.h"

#include <optional>
#include <set>
#include <string_view>

namespace airlock::cli {
namespace {

constexpr std::string_view kKeys[] = {"state_dict_ema", "model_ema", "state_dict",
                                      "model",          "module",    "model_state_dict"};
constexpr size_t kMaxCandidates = 12;

Unexpected<ClientError> NotFound(const Contents& contents, const std::string& what) {
  // A name without its last part is the path of the container that holds the tensor.
  std::set<std::string> candidates;
  for (const NamedTensor& entry : contents.entries()) {
    const size_t dot = entry.name.rfind('.');
    if (dot != std::string::npos && entry.name.find('.') == dot) candidates.insert(entry.name.substr(0, dot));
    const size_t first = entry.name.find('.');
    if (first != std::string::npos) candidates.insert(entry.name.substr(0, first));
    if (candidates.size() > kMaxCandidates) break;
  }
  std::string message = what;
  if (candidates.empty())
    return Unexpected{MakeError(v1::REASON_UNSUPPORTED_FEATURE, message + "; it holds no tensors by name")};
  message += "; --key could be ";
  size_t shown = 0;
  for (const std::string& candidate : candidates) {
    if (shown == kMaxCandidates) break;
    message += (shown++ == 0 ? "" : ", ") + candidate;
  }
  return Unexpected{MakeError(v1::REASON_UNSUPPORTED_FEATURE, message + (shown < candidates.size() ? ", ..." : ""))};
}

bool FlatMappingOfTensors(const Graph& graph, NodeId node) {
  if (!IsDict(graph.kind(node))) return false;
  const auto pairs = graph.Pairs(node);
  for (size_t i = 1; i < pairs.size(); i += 2) {
    if (graph.kind(pairs[i]) != v1::NODE_KIND_TENSOR) return false;
  }
  return !pairs.empty();
}

// The child of `node` whose name `path` starts with; the rest of the path. Longer names go first, for they may hold
// dots.
std::optional<std::pair<NodeId, std::string_view>> Child(const Graph& graph, NodeId node, std::string_view path) {
  const bool dict = IsDict(graph.kind(node));
  if (!dict && !IsSequence(graph.kind(node))) return std::nullopt;
  const auto refs = dict ? graph.Pairs(node) : graph.Items(node);
  std::optional<std::pair<NodeId, std::string_view>> best;
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

std::optional<NodeId> Resolve(const Graph& graph, std::string_view path) {
  NodeId node = 0;
  while (!path.empty()) {
    const auto child = Child(graph, node, path);
    if (!child) return std::nullopt;
    node = child->first;
    path = child->second;
  }
  return node;
}

}  // namespace

ClientResult<Weights> ChooseWeights(const Contents& contents, const std::string& key) {
  const Graph& graph = contents.graph();
  if (key != "auto") {
    const auto node = Resolve(graph, key);
    if (!node) return NotFound(contents, "there is nothing at the key " + key);
    AIRLOCK_ASSIGN(auto tensors, TensorsUnder(graph, *node));
    if (tensors.empty()) return NotFound(contents, "there are no tensors under the key " + key);
    return Weights{key, std::move(tensors)};
  }
  if (FlatMappingOfTensors(graph, 0)) {
    AIRLOCK_ASSIGN(auto tensors, TensorsUnder(graph, 0));
    return Weights{"", std::move(tensors)};
  }
  if (IsDict(graph.kind(0))) {
    for (std::string_view name : kKeys) {
      const auto node = graph.Find(0, name);
      if (!node || !IsDict(graph.kind(*node))) continue;
      AIRLOCK_ASSIGN(auto tensors, TensorsUnder(graph, *node));
      if (!tensors.empty()) return Weights{std::string(name), std::move(tensors)};
    }
  }
  return NotFound(contents, "it is not clear where its weights are");
}

}  // namespace airlock::cli
