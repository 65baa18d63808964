#include "client/cli/weights/weights.h"

#include <array>
#include <utility>

#include "client/cli/weights/gguf_blocks.h"
#include "client/cli/weights/key_candidates.h"
#include "client/cli/weights/key_path.h"

namespace airlock::cli {
namespace {

constexpr std::array<std::string_view, 6> kKeys = {"state_dict_ema", "model_ema", "state_dict",
                                                   "model",          "module",    "model_state_dict"};
constexpr std::string_view kMetadata = "__metadata__";
// All tensors that a file has, arrays of numpy too: what is listed leaves out those that torch itself would not list.
constexpr NameRules kAllArrays{.arrays = true};

bool IsTensor(v1::NodeKind kind) { return kind == v1::NODE_KIND_TENSOR || kind == v1::NODE_KIND_ARRAY; }

// What to do instead.
std::string AdviceFor(const Contents& contents) {
  if (IsTensor(contents.graph().kind(Behind(contents.graph(), 0)))) return "it is one tensor, which has no name";
  const KeyCandidates candidates = FindKeyCandidates(contents);
  if (!candidates.tensors) return "it holds no tensors by name";
  std::string advice = "--key could be ";
  for (const std::string& path : candidates.paths) advice += path + ", ";
  if (candidates.more) advice += "..., ";
  return advice + (candidates.paths.empty() ? "" : "or ") + "'' for all tensors, from the root on";
}

Unexpected<ClientError> NotFound(const Contents& contents, const std::string& message) {
  return Unexpected{MakeError(v1::REASON_UNSUPPORTED_FEATURE, message + "; " + AdviceFor(contents))};
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

ClientResult<Weights> TensorsAt(const Contents& contents, Place place) {
  AIRLOCK_ASSIGN(TensorNames names, TensorsUnder(contents.graph(), place.node, kAllArrays));
  if (!names.meta.empty()) {
    return Unexpected{MakeError(
        v1::REASON_UNSUPPORTED_FEATURE,
        "safetensors cannot hold " + std::string(names.meta[0].name) + ", which has no data (a meta tensor)")};
  }
  return Weights{std::move(place.path), std::move(names.tensors), std::move(names.keeper),
                 BlockTypes(contents, place.node)};
}

// What safetensors files and their indices say besides their tensors.
ClientResult<bool> IsMetadata(const Graph& graph, NodeId key, NodeId value) {
  if (graph.kind(key) != v1::NODE_KIND_STRING || graph.Text(key) != kMetadata) return false;
  AIRLOCK_ASSIGN(const TensorNames names, TensorsUnder(graph, value, kAllArrays));
  return names.tensors.empty() && names.meta.empty();
}

ClientResult<bool> FlatMappingOfTensors(const Graph& graph, NodeId node) {
  if (!IsDict(graph.kind(node))) return false;
  const auto pairs = graph.Pairs(node);
  bool tensors = false;
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (IsTensor(graph.kind(Behind(graph, pairs[i + 1])))) {
      tensors = true;
      continue;
    }
    AIRLOCK_ASSIGN(const bool metadata, IsMetadata(graph, pairs[i], pairs[i + 1]));
    if (!metadata) return false;
  }
  return tensors;
}

// Whatever else such a file says is about its tensors.
bool IsTableOfTensors(v1::Format format) {
  return format == v1::FORMAT_SAFETENSORS || format == v1::FORMAT_GGUF || format == v1::FORMAT_NPZ;
}

// The attributes of a TorchScript module. A second state has the constants of its code, which are none of its weights.
std::optional<NodeId> ScriptModule(const Contents& contents, NodeId root) {
  const Graph& graph = contents.graph();
  if (contents.report().format() != v1::FORMAT_TORCHSCRIPT) return std::nullopt;
  if (graph.kind(root) != v1::NODE_KIND_RECORD) return std::nullopt;
  const Record record = graph.RecordAt(root);
  if (!record.state || !record.many_states) return record.state;
  const bool several = graph.kind(*record.state) == v1::NODE_KIND_LIST && !graph.Items(*record.state).empty();
  return several ? std::optional<NodeId>(graph.Items(*record.state)[0]) : std::nullopt;
}

// The part of the root that is all weights, where it is clear that it is.
ClientResult<std::optional<Place>> WeightsAtRoot(const Contents& contents) {
  const Place root = WeightsOf(contents.graph(), {});
  if (!root.path.empty()) return std::optional<Place>(root);
  if (const auto module = ScriptModule(contents, root.node)) return std::optional<Place>(Place{*module, ""});
  const bool table = IsTableOfTensors(contents.report().format()) && IsDict(contents.graph().kind(root.node));
  if (table) return std::optional<Place>(root);
  AIRLOCK_ASSIGN(const bool flat, FlatMappingOfTensors(contents.graph(), root.node));
  return flat ? std::optional<Place>(root) : std::nullopt;
}

ClientResult<Weights> WeightsAtKey(const Contents& contents, const std::string& key) {
  const auto node = AtKey(contents.graph(), key);
  if (!node) return NotFound(contents, "there is nothing at the key " + key);
  AIRLOCK_ASSIGN(Weights weights, TensorsAt(contents, WeightsOf(contents.graph(), {*node, key})));
  const bool unnamed = weights.tensors.size() == 1 && weights.tensors[0].name.empty();
  if (!weights.tensors.empty() && !unnamed) return weights;
  if (key.empty()) return NotFound(contents, "there are no tensors by name");
  return NotFound(contents, "there are no tensors by name under the key " + key);
}

}  // namespace

ClientResult<std::optional<FoundWeights>> FirstWeights(const Contents& contents,
                                                       std::span<const std::string_view> keys) {
  const Graph& graph = contents.graph();
  const NodeId root = Behind(graph, 0);
  if (!IsDict(graph.kind(root))) return std::optional<FoundWeights>();
  for (const std::string_view name : keys) {
    const auto found = graph.Find(root, name);
    if (!found) continue;
    Place place = WeightsOf(graph, {*found, std::string(name)});
    if (!IsDict(graph.kind(place.node))) continue;
    AIRLOCK_ASSIGN(Weights weights, TensorsAt(contents, std::move(place)));
    if (weights.tensors.empty()) continue;
    return std::optional<FoundWeights>({std::string(name), *found, std::move(weights)});
  }
  return std::optional<FoundWeights>();
}

ClientResult<Weights> ChooseWeights(const Contents& contents, const std::string& key) {
  if (key != "auto") return WeightsAtKey(contents, key);
  AIRLOCK_ASSIGN(std::optional<Place> root, WeightsAtRoot(contents));
  if (root) {
    AIRLOCK_ASSIGN(Weights weights, TensorsAt(contents, *std::move(root)));
    if (weights.tensors.empty()) return NotFound(contents, "there are no weights in it");
    return weights;
  }
  AIRLOCK_ASSIGN(std::optional<FoundWeights> found, FirstWeights(contents, kKeys));
  if (found) return std::move(found->weights);
  return NotFound(contents, "it is not clear where its weights are");
}

}  // namespace airlock::cli
