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
    if (graph.kind(Behind(graph, pairs[i])) != v1::NODE_KIND_TENSOR) return false;
  }
  return !pairs.empty();
}

struct Place {
  NodeId node = 0;
  std::string path;
};

// Where the weights are that stand under `place`: there, or in what was recovered of the module that stands there.
Place WeightsOf(const Graph& graph, Place place) {
  place.node = Behind(graph, place.node);
  if (graph.kind(place.node) != v1::NODE_KIND_RECORD) return place;
  const Record record = graph.RecordAt(place.node);
  if (!record.recovered) return place;
  if (!place.path.empty()) place.path += '.';
  return {*record.recovered, place.path.append(kRecoveredPart)};
}

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

std::optional<NodeId> Resolve(const Graph& graph, std::string_view path) {
  NodeId node = Behind(graph, 0);
  while (!path.empty()) {
    const bool record = graph.kind(node) == v1::NODE_KIND_RECORD;
    const auto child = record ? ChildOfRecord(graph, node, path) : ChildOf(graph, node, path);
    if (!child) return std::nullopt;
    node = Behind(graph, child->node);
    path = child->rest;
  }
  return node;
}

ClientResult<Weights> TensorsAt(const Contents& contents, Place place) {
  const NameRules rules{.arrays = ListsArrays(contents.report().format())};
  AIRLOCK_ASSIGN(TensorNames names, TensorsUnder(contents.graph(), place.node, rules));
  if (!names.meta.empty()) {
    return Unexpected{MakeError(v1::REASON_UNSUPPORTED_FEATURE, "safetensors cannot hold " + names.meta[0].name +
                                                                    ", which has no data (a meta tensor)")};
  }
  return Weights{std::move(place.path), std::move(names.tensors)};
}

}  // namespace

ClientResult<Weights> ChooseWeights(const Contents& contents, const std::string& key) {
  const Graph& graph = contents.graph();
  if (key != "auto") {
    const auto node = Resolve(graph, key);
    if (!node) return NotFound(contents, "there is nothing at the key " + key);
    AIRLOCK_ASSIGN(Weights weights, TensorsAt(contents, WeightsOf(graph, {*node, key})));
    if (weights.tensors.empty()) return NotFound(contents, "there are no tensors under the key " + key);
    return weights;
  }
  const Place root = WeightsOf(graph, {});
  if (!root.path.empty() || FlatMappingOfTensors(graph, root.node)) return TensorsAt(contents, root);
  if (IsDict(graph.kind(root.node))) {
    for (const std::string_view name : kKeys) {
      const auto found = graph.Find(root.node, name);
      if (!found) continue;
      Place place = WeightsOf(graph, {*found, std::string(name)});
      if (!IsDict(graph.kind(place.node))) continue;
      AIRLOCK_ASSIGN(Weights weights, TensorsAt(contents, std::move(place)));
      if (!weights.tensors.empty()) return weights;
    }
  }
  return NotFound(contents, "it is not clear where its weights are");
}

}  // namespace airlock::cli
