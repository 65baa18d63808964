#include "client/cli/state/split_parts.h"

#include <array>
#include <optional>
#include <utility>

#include "client/cli/weights/key_path.h"

namespace airlock::cli {
namespace {

constexpr std::array<std::string_view, 2> kEmaKeys = {"state_dict_ema", "model_ema"};
constexpr std::array<std::string_view, 4> kWeightKeys = {"state_dict", "model", "module", "model_state_dict"};
constexpr std::string_view kMetadata = "__metadata__";

// Whether a dict is its tensors by name, in their order, and nothing else.
bool IsFlat(const StateObjects& objects, const SplitPart& part) {
  const Graph& graph = objects.graph();
  if (!IsDict(graph.kind(part.held))) return false;
  const bool safetensors = objects.contents().report().format() == v1::FORMAT_SAFETENSORS;
  size_t tensors = 0;
  const auto pairs = graph.Pairs(part.held);
  for (size_t i = 0; i < pairs.size(); i += 2) {
    const NodeId key = objects.ObjectOf(pairs[i]);
    if (graph.kind(key) != v1::NODE_KIND_STRING) return false;
    // No loader of such a file has it among the tensors.
    if (safetensors && graph.Text(key) == kMetadata) continue;
    const v1::NodeKind kind = graph.kind(objects.ObjectOf(pairs[i + 1]));
    if (kind != v1::NODE_KIND_TENSOR && kind != v1::NODE_KIND_ARRAY) return false;
    ++tensors;
  }
  return tensors == part.weights.tensors.size();
}

SplitPart PartOf(const StateObjects& objects, std::string_view file, std::string key, NodeId node, Weights weights) {
  SplitPart part{std::string(file), std::move(key), objects.ObjectOf(node), std::move(weights), false};
  const Graph& graph = objects.graph();
  const bool module = graph.kind(part.held) == v1::NODE_KIND_RECORD && graph.RecordAt(part.held).recovered;
  part.replaced = module || IsFlat(objects, part);
  return part;
}

}  // namespace

ClientResult<std::vector<SplitPart>> SplitParts(const StateObjects& objects, const std::string& key) {
  const Contents& contents = objects.contents();
  std::vector<SplitPart> parts;
  if (key != "auto") {
    AIRLOCK_ASSIGN(Weights weights, ChooseWeights(contents, key));
    const NodeId node = AtKey(contents.graph(), key).value_or(0);
    parts.push_back(PartOf(objects, kWeightsFile, key, node, std::move(weights)));
    return parts;
  }
  const std::array<std::pair<std::string_view, std::span<const std::string_view>>, 2> files = {
      {{kEmaFile, kEmaKeys}, {kWeightsFile, kWeightKeys}}};
  for (const auto& [file, keys] : files) {
    AIRLOCK_ASSIGN(std::optional<FoundWeights> found, FirstWeights(contents, keys));
    if (found) parts.push_back(PartOf(objects, file, found->name, found->node, std::move(found->weights)));
  }
  if (!parts.empty()) return parts;
  AIRLOCK_ASSIGN(Weights weights, ChooseWeights(contents, key));
  parts.push_back(PartOf(objects, kWeightsFile, "", 0, std::move(weights)));
  return parts;
}

}  // namespace airlock::cli
