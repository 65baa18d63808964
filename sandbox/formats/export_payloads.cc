#include "sandbox/formats/export_payloads.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "sandbox/formats/export_parts.h"
#include "sandbox/formats/member_finding.h"
#include "sandbox/formats/script_names.h"
#include "sandbox/tensors/device_name.h"
#include "sandbox/tensors/geometry.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;
using tensors::DType;

// Objects of TorchScript's classes, and those that torch knows nothing of.
constexpr std::string_view kCustomObject = "custom_obj_";
constexpr std::string_view kOpaqueObject = "opaque_obj_";
// As long as a safetensors header may be, which says the same.
constexpr uint64_t kMaxConfigBytes = 100'000'000;

// ScalarType and Layout of torch/_export/serde/schema.py, which are not those of c10.
struct NumberRow {
  uint64_t number;
  DType dtype;
};
constexpr NumberRow kNumbers[] = {
    {1, DType::kUInt8},           {2, DType::kInt8},
    {3, DType::kInt16},           {4, DType::kInt32},
    {5, DType::kInt64},           {6, DType::kFloat16},
    {7, DType::kFloat32},         {8, DType::kFloat64},
    {9, DType::kComplex32},       {10, DType::kComplex64},
    {11, DType::kComplex128},     {12, DType::kBool},
    {13, DType::kBFloat16},       {28, DType::kUInt16},
    {29, DType::kFloat8E4M3FN},   {30, DType::kFloat8E5M2},
    {31, DType::kFloat8E4M3FNUZ}, {32, DType::kFloat8E5M2FNUZ},
    {33, DType::kFloat8E8M0FNU},  {34, DType::kUInt32},
    {35, DType::kUInt64},
};
constexpr uint64_t kStrided = 7;

Result<void> CheckNodes(const Checkpoint& checkpoint) {
  const Limits& limits = checkpoint.context.limits;
  const pickle::Graph& graph = checkpoint.context.graph;
  if (graph.size() > limits.nodes) return FailLimit("nodes", limits.nodes, graph.size());
  if (graph.string_bytes() > limits.string_bytes) {
    return FailLimit("string_bytes", limits.string_bytes, graph.string_bytes());
  }
  return {};
}

// Among constants, torch unpickles what has such a path, whatever the list says of it.
bool IsPickled(const Payload& payload) {
  return payload.use_pickle || payload.path.starts_with(kCustomObject) || payload.path.starts_with(kOpaqueObject);
}

// A tensor that had no data when it was saved.
bool IsShell(const PayloadTensor& tensor, const ZipMember& member) {
  return member.size == 0 && tensors::ElementCount(tensor.sizes) != 0;
}

}  // namespace

Result<NodeId> ExportPayloads::Decode(const std::string& model, std::string_view suffix) {
  const ZipMember* config = Find(model + "_" + std::string(suffix) + ".json");
  const ZipMember* old = Find(model + ".pt");
  if ((config == nullptr) == (old == nullptr)) {
    return Fail(config == nullptr ? Reason::kZipMalformed : Reason::kZipAmbiguous,
                "the archive has " + std::string(config == nullptr ? "no " : "two lists of ") + folder_ + " of '" +
                    model + "'");
  }
  archive_.Use(config != nullptr ? *config : *old);
  if (old != nullptr) return DecodeSaved(input_, *old, output_, checkpoint_);
  const uint64_t most = std::min(kMaxConfigBytes, checkpoint_.context.limits.string_bytes);
  if (config->size > most) return FailLimit("string_bytes", most, config->size, config->header_offset);
  AIRLOCK_ASSIGN(const std::string json, ReadText(input_, *config, config->size));
  AIRLOCK_ASSIGN(const std::vector<Payload> payloads,
                 ParsePayloadConfig(json, checkpoint_.context.limits, archive_.NameOf(*config)));
  std::vector<NodeId> pairs;
  pairs.reserve(2 * payloads.size());
  for (const Payload& payload : payloads) {
    pairs.push_back(graph_.Text(Kind::kString, payload.name));
    AIRLOCK_ASSIGN(const NodeId value, DecodePayload(payload));
    pairs.push_back(value);
    AIRLOCK_TRY(CheckNodes(checkpoint_));
  }
  return graph_.Container(Kind::kDict, pairs);
}

Result<NodeId> ExportPayloads::DecodePayload(const Payload& payload) {
  const ZipMember* member = Find(payload.path);
  if (member == nullptr) {
    return Fail(Reason::kZipMalformed,
                "the archive has no member '" + folder_ + payload.path + "' for '" + payload.name + "'");
  }
  if (!IsPickled(payload)) return MakeTensor(payload, *member);
  if (const auto found = saved_.find(payload.path); found != saved_.end()) return found->second;
  archive_.Use(*member);
  std::optional<ScriptNames> names;
  if (payload.path.starts_with(kCustomObject)) names.emplace(checkpoint_.context.symbols);
  AIRLOCK_ASSIGN(const NodeId value, DecodeSaved(input_, *member, output_, checkpoint_));
  saved_.emplace(payload.path, value);
  return value;
}

Result<const tensors::DTypeRow*> ExportPayloads::CheckTensor(const Payload& payload, const ZipMember& member) const {
  const uint64_t at = member.header_offset;
  if (!payload.tensor) return Fail(Reason::kZipMalformed, "'" + payload.name + "' is no tensor and no pickle", at);
  const PayloadTensor& tensor = *payload.tensor;
  const auto* const number = std::ranges::find(kNumbers, tensor.dtype, &NumberRow::number);
  if (number == std::end(kNumbers) || tensor.layout != kStrided) {
    return Fail(Reason::kUnsupportedFeature,
                "'" + payload.name + "' has element type " + std::to_string(tensor.dtype) + " and layout " +
                    std::to_string(tensor.layout) + ", which are not read",
                at);
  }
  if (tensor.sizes.size() != tensor.strides.size() || !tensors::IsDeviceName(tensor.device)) {
    return Fail(Reason::kZipMalformed, "'" + payload.name + "' is described as torch never does", at);
  }
  const tensors::DTypeRow& dtype = tensors::RowOf(number->dtype);
  if (member.size % dtype.item_size != 0) {
    return Fail(Reason::kStorageSizeMismatch, "the member of '" + payload.name + "' ends inside an element", at);
  }
  const uint64_t elements = IsShell(tensor, member) ? UINT64_MAX : member.size / dtype.item_size;
  AIRLOCK_TRY(tensors::CheckGeometry(tensor.offset, tensor.sizes, tensor.strides, elements,
                                     checkpoint_.context.limits.dims, at));
  return &dtype;
}

Result<NodeId> ExportPayloads::MakeTensor(const Payload& payload, const ZipMember& member) {
  AIRLOCK_ASSIGN(const tensors::DTypeRow* const dtype, CheckTensor(payload, member));
  const PayloadTensor& tensor = *payload.tensor;
  if (IsShell(tensor, member)) return MakeMeta(tensor, *dtype, member);
  const uint64_t most = checkpoint_.context.limits.tensors;
  const uint64_t count = checkpoint_.tables.tensor_count();
  if (count >= most) return FailLimit("tensors", most, count + 1, member.header_offset);
  AIRLOCK_ASSIGN(const uint32_t storage, storages_.Resolve({.key = payload.path,
                                                            .location = tensor.device,
                                                            .dtype = dtype->dtype,
                                                            .numel = member.size / dtype->item_size,
                                                            .nbytes = member.size,
                                                            .at = member.header_offset,
                                                            .slice = {}}));
  const uint32_t flags =
      (tensor.requires_grad ? tensors::kRequiresGrad : 0U) | (payload.is_parameter ? tensors::kParameter : 0U);
  return graph_.Tensor(checkpoint_.tables.AddTensor({.storage = storage,
                                                     .dtype = dtype->dtype,
                                                     .flags = flags,
                                                     .offset = tensor.offset,
                                                     .shape = tensor.sizes,
                                                     .stride = tensor.strides}));
}

NodeId ExportPayloads::MakeMeta(const PayloadTensor& tensor, const tensors::DTypeRow& dtype, const ZipMember& member) {
  archive_.Use(member);
  if (!std::exchange(told_of_meta_, true)) {
    TellOfMember(checkpoint_.context, member, "export.no-data", pickle::Severity::kNote,
                 "a tensor without data, which torch fills with zeros");
  }
  const auto numbers = [this](Kind kind, const std::vector<uint64_t>& values) {
    std::vector<NodeId> items;
    items.reserve(values.size());
    for (const uint64_t value : values) items.push_back(graph_.Int(static_cast<int64_t>(value)));
    return graph_.Container(kind, items);
  };
  const NodeId refs[] = {graph_.Text(Kind::kDType, dtype.name), numbers(Kind::kSize, tensor.sizes),
                         numbers(Kind::kTuple, tensor.strides)};
  return graph_.Compound(Kind::kMetaTensor, tensor.requires_grad ? tensors::kRequiresGrad : 0U, refs);
}

}  // namespace airlock::formats
