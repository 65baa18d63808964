#include "sandbox/formats/safetensors.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "sandbox/base/checked.h"
#include "sandbox/formats/safetensors_header.h"
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;

// The format's own limit.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr uint64_t kLengthBytes = 8;

Unexpected<Error> Malformed(const std::string& what, uint64_t offset) {
  return Fail(Reason::kSafetensorsMalformed, what, offset);
}

Result<std::string> ReadHeader(const Input& input) {
  uint8_t raw[kLengthBytes];
  AIRLOCK_TRY(input.ReadAt(0, raw));
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length |= uint64_t{raw[i]} << (8 * i);
  if (length > kMaxHeaderBytes) return Malformed("the safetensors header is longer than the format permits", 0);
  std::string json;
  if (!SpanFits(kLengthBytes, length, input.size())) {
    return Fail(Reason::kTruncated, "inside its safetensors header", input.size());
  }
  json.resize(length);
  AIRLOCK_TRY(input.ReadAt(kLengthBytes, {reinterpret_cast<uint8_t*>(json.data()), json.size()}));
  return json;
}

// Shape and element type give the length that the offsets say.
Result<void> CheckLength(const SafetensorsEntry& entry, uint64_t data_start) {
  const std::optional<uint64_t> elements = tensors::ElementCount(entry.shape);
  const std::optional<uint64_t> bytes = elements ? CheckedMul(*elements, tensors::ItemSize(entry.dtype)) : std::nullopt;
  if (!bytes) return Malformed("tensor '" + entry.name + "' has more elements than can be counted", data_start);
  if (entry.end < entry.begin || entry.end - entry.begin != *bytes) {
    return Malformed("tensor '" + entry.name + "' is not as long as its shape and type say", data_start);
  }
  return {};
}

// In order of their offsets the tensors follow each other, from the end of the header to the end of the file.
Result<void> CheckLayout(const std::vector<SafetensorsEntry>& entries, uint64_t data_start, uint64_t file_size) {
  std::vector<size_t> order(entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(entries[a].begin, entries[a].end) < std::pair(entries[b].begin, entries[b].end);
  });
  uint64_t at = 0;
  for (const size_t i : order) {
    AIRLOCK_TRY(CheckLength(entries[i], data_start));
    if (entries[i].begin != at)
      return Malformed("tensor '" + entries[i].name + "' overlaps another or leaves a hole", data_start);
    at = entries[i].end;
  }
  const uint64_t data_size = file_size - data_start;
  if (at > data_size) return Fail(Reason::kTruncated, "before its tensors do", file_size);
  if (at < data_size) return Fail(Reason::kTrailingBytes, "bytes follow the last tensor", data_start + at);
  return {};
}

std::vector<uint64_t> RowMajorStrides(const std::vector<uint64_t>& shape) {
  std::vector<uint64_t> stride(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) stride[i - 1] = stride[i] * std::max<uint64_t>(shape[i], 1);
  return stride;
}

NodeId MetadataNode(pickle::Graph& graph, const SafetensorsHeader& header) {
  std::vector<NodeId> pairs;
  pairs.reserve(2 * header.metadata.size());
  for (const auto& [key, value] : header.metadata) {
    pairs.push_back(graph.Text(Kind::kString, key));
    pairs.push_back(graph.Text(Kind::kString, value));
  }
  return graph.Container(Kind::kDict, pairs);
}

NodeId TensorNode(const Input& input, Checkpoint& checkpoint, const SafetensorsEntry& entry, uint64_t data_start) {
  const uint32_t storage = checkpoint.tables.AddStorage(
      input.StorageAt(data_start + entry.begin, entry.end - entry.begin, checkpoint.tables.Device("cpu")));
  const std::vector<uint64_t> stride = RowMajorStrides(entry.shape);
  return checkpoint.context.graph.Tensor(checkpoint.tables.AddTensor(
      {.storage = storage, .dtype = entry.dtype, .flags = 0, .offset = 0, .shape = entry.shape, .stride = stride}));
}

}  // namespace

Result<void> DecodeSafetensors(const Input& input, Output& /*output*/, Checkpoint& checkpoint) {
  const Limits& limits = checkpoint.context.limits;
  AIRLOCK_ASSIGN(const std::string json, ReadHeader(input));
  AIRLOCK_ASSIGN(const SafetensorsHeader header, ParseSafetensorsHeader(json, limits.tensors, limits.dims));
  const uint64_t data_start = kLengthBytes + json.size();
  AIRLOCK_TRY(CheckLayout(header.entries, data_start, input.size()));
  pickle::Graph& graph = checkpoint.context.graph;
  // With what is there already: the file may be one of several.
  const uint64_t tensors = checkpoint.tables.tensor_count() + header.entries.size();
  if (tensors > limits.tensors) return FailLimit("tensors", limits.tensors, tensors);
  const uint64_t nodes = graph.size() + 2 * (header.entries.size() + header.metadata.size() + 2);
  if (nodes > limits.nodes) return FailLimit("nodes", limits.nodes, nodes);
  const uint64_t texts = graph.string_bytes() + json.size();
  if (texts > limits.string_bytes) return FailLimit("string_bytes", limits.string_bytes, texts);
  std::vector<NodeId> pairs;
  pairs.reserve(2 * header.entries.size() + 2);
  if (header.has_metadata) {
    pairs.push_back(graph.Text(Kind::kString, "__metadata__"));
    pairs.push_back(MetadataNode(graph, header));
  }
  for (const SafetensorsEntry& entry : header.entries) {
    pairs.push_back(graph.Text(Kind::kString, entry.name));
    pairs.push_back(TensorNode(input, checkpoint, entry, data_start));
  }
  checkpoint.root = graph.Container(Kind::kDict, pairs);
  return {};
}

}  // namespace airlock::formats
