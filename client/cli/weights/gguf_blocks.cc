#include "client/cli/weights/gguf_blocks.h"

namespace airlock::cli {
namespace {

// sandbox/formats/gguf.h has the form of the root.
constexpr std::string_view kTypes = "__types__";

}  // namespace

std::unordered_map<uint32_t, std::string_view> BlockTypes(const Contents& contents, NodeId table) {
  std::unordered_map<uint32_t, std::string_view> found;
  const Graph& graph = contents.graph();
  const v1::Format format = contents.report().format();
  // Elsewhere the key is anybody's.
  if (format != v1::FORMAT_GGUF && format != v1::FORMAT_ZIP_OF_CHECKPOINTS) return found;
  if (!IsDict(graph.kind(table))) return found;
  const auto types = graph.Find(table, kTypes);
  if (!types || !IsDict(graph.kind(*types))) return found;
  std::unordered_map<std::string_view, uint32_t> tensors;
  const auto pairs = graph.Pairs(table);
  for (size_t i = 0; i < pairs.size(); i += 2) {
    const bool named = graph.kind(pairs[i]) == v1::NODE_KIND_STRING;
    if (named && graph.kind(pairs[i + 1]) == v1::NODE_KIND_TENSOR) {
      tensors.emplace(graph.Text(pairs[i]), graph.Link(pairs[i + 1]));
    }
  }
  const auto rows = graph.Pairs(*types);
  for (size_t i = 0; i < rows.size(); i += 2) {
    if (graph.kind(rows[i]) != v1::NODE_KIND_STRING || graph.kind(rows[i + 1]) != v1::NODE_KIND_STRING) continue;
    const auto tensor = tensors.find(graph.Text(rows[i]));
    if (tensor != tensors.end()) found.emplace(tensor->second, graph.Text(rows[i + 1]));
  }
  return found;
}

}  // namespace airlock::cli
