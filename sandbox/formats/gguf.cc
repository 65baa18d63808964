#include "sandbox/formats/gguf.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "sandbox/base/checked.h"
#include "sandbox/base/keyed_hash.h"
#include "sandbox/formats/ggml_types.h"
#include "sandbox/formats/gguf_values.h"
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;

constexpr size_t kMagicBytes = 4;
constexpr uint32_t kMinVersion = 2;
constexpr uint32_t kMaxVersion = 3;
// ggml's own.
constexpr uint32_t kMaxDims = 4;
constexpr uint64_t kDefaultAlignment = 32;
// Real files have 32. What stands between tensors is read, to see that it is nothing.
constexpr uint64_t kMaxAlignment = 65536;

struct Info {
  NodeId name = pickle::kNoNode;
  const GgmlType* type = nullptr;
  std::vector<uint64_t> shape;  // in torch's order, of what is handed on
  uint64_t offset = 0;          // from the start of the data
  uint64_t nbytes = 0;
};

class Gguf {
 public:
  Gguf(const Input& input, Checkpoint& checkpoint)
      : input_(input), checkpoint_(checkpoint), graph_(checkpoint.context.graph), values_(input, checkpoint.context) {}

  Result<void> Decode() {
    AIRLOCK_TRY(ReadHeader());
    AIRLOCK_TRY(ReadMetadata());
    AIRLOCK_TRY(ReadInfos());
    AIRLOCK_TRY(CheckLayout());
    MakeRoot();
    return {};
  }

 private:
  Result<void> ReadHeader();
  Result<void> ReadMetadata();
  Result<void> TakeAlignment(std::string_view key, uint32_t type, NodeId value);
  Result<void> ReadInfos();
  Result<Info> ReadInfo();
  Result<void> SetType(Info& info, uint32_t type, uint64_t at) const;
  Result<void> CheckLayout();
  Result<void> CheckFill(uint64_t from, uint64_t to) const;
  void MakeRoot();
  NodeId TensorNode(const Info& info, uint32_t device);

  const Input& input_;
  Checkpoint& checkpoint_;
  pickle::Graph& graph_;
  GgufValues values_;
  uint64_t tensor_count_ = 0;
  uint64_t pair_count_ = 0;
  uint64_t alignment_ = kDefaultAlignment;
  uint64_t data_start_ = 0;
  NodeId metadata_ = pickle::kNoNode;
  std::vector<Info> infos_;
};

Result<void> Gguf::ReadHeader() {
  AIRLOCK_TRY(values_.Number<uint32_t>());  // the magic, by which it was known
  AIRLOCK_ASSIGN(const uint32_t version, values_.Number<uint32_t>());
  const uint32_t swapped = __builtin_bswap32(version);
  if (swapped >= 1 && swapped <= kMaxVersion) {
    return Fail(Reason::kUnsupportedFeature, "big-endian GGUF files are not read", kMagicBytes);
  }
  if (version < kMinVersion || version > kMaxVersion) {
    return Fail(Reason::kUnsupportedFeature, "GGUF files of version " + std::to_string(version) + " are not read",
                kMagicBytes);
  }
  AIRLOCK_ASSIGN(tensor_count_, values_.Number<uint64_t>());
  AIRLOCK_ASSIGN(pair_count_, values_.Number<uint64_t>());
  const Limits& limits = checkpoint_.context.limits;
  if (tensor_count_ > limits.tensors) return FailLimit("tensors", limits.tensors, tensor_count_);
  constexpr uint64_t kPairMinimum = 8 + 1 + 4 + 1;
  constexpr uint64_t kInfoMinimum = 8 + 1 + 4 + 4 + 8;
  if (pair_count_ > values_.remaining() / kPairMinimum || tensor_count_ > values_.remaining() / kInfoMinimum) {
    return Fail(Reason::kTruncated, "before the key-values and tensors that it announces", values_.offset());
  }
  return {};
}

Result<void> Gguf::ReadMetadata() {
  std::unordered_set<std::string, KeyedHash> keys;
  std::vector<NodeId> pairs;
  AIRLOCK_TRY(values_.CheckRoom(CheckedMul(pair_count_, 2).value_or(UINT64_MAX)));
  pairs.reserve(2 * pair_count_);
  for (uint64_t i = 0; i < pair_count_; ++i) {
    AIRLOCK_TRY(values_.CheckRoom(2));
    AIRLOCK_ASSIGN(const std::string key, values_.Name(keys));
    pairs.push_back(graph_.Text(Kind::kString, key));
    AIRLOCK_ASSIGN(const uint32_t type, values_.Number<uint32_t>());
    AIRLOCK_ASSIGN(const NodeId value, values_.Value(type));
    AIRLOCK_TRY(TakeAlignment(key, type, value));
    pairs.push_back(value);
  }
  metadata_ = graph_.Container(Kind::kDict, pairs);
  return {};
}

Result<void> Gguf::TakeAlignment(std::string_view key, uint32_t type, NodeId value) {
  if (key != "general.alignment") return {};
  const uint64_t at = values_.offset();
  if (static_cast<GgufType>(type) != GgufType::kUInt32)
    return GgufMalformed("the alignment of the GGUF file is no 32-bit number", at);
  alignment_ = static_cast<uint64_t>(graph_.integer(value));
  const bool power_of_two = alignment_ > 0 && (alignment_ & (alignment_ - 1)) == 0;
  if (!power_of_two) return GgufMalformed("the alignment of the GGUF file is no power of two", at);
  if (alignment_ > kMaxAlignment) {
    return Fail(Reason::kUnsupportedFeature, "GGUF files with an alignment above 65536 are not read", at);
  }
  return {};
}

Result<void> Gguf::ReadInfos() {
  std::unordered_set<std::string, KeyedHash> names;
  infos_.reserve(tensor_count_);
  for (uint64_t i = 0; i < tensor_count_; ++i) {
    AIRLOCK_TRY(values_.CheckRoom(1));
    AIRLOCK_ASSIGN(const std::string name, values_.Name(names));
    const NodeId node = graph_.Text(Kind::kString, name);
    AIRLOCK_ASSIGN(Info info, ReadInfo());
    info.name = node;
    infos_.push_back(std::move(info));
  }
  return values_.CheckRoom(2 * infos_.size() + 5);  // tensors and block types
}

Result<Info> Gguf::ReadInfo() {
  const uint64_t at = values_.offset();
  AIRLOCK_ASSIGN(const uint32_t rank, values_.Number<uint32_t>());
  if (rank > kMaxDims) return GgufMalformed("a tensor in the GGUF file has more than 4 dimensions", at);
  Info info;
  info.shape.resize(rank);
  for (uint32_t i = rank; i-- > 0;) {
    AIRLOCK_ASSIGN(info.shape[i], values_.Number<uint64_t>());
  }
  AIRLOCK_ASSIGN(const uint32_t type, values_.Number<uint32_t>());
  AIRLOCK_ASSIGN(info.offset, values_.Number<uint64_t>());
  AIRLOCK_TRY(SetType(info, type, at));
  const std::optional<uint64_t> elements = tensors::ElementCount(info.shape);
  const uint64_t item = info.type->plain == tensors::DType::kNone ? 1 : info.type->block_bytes;
  const std::optional<uint64_t> nbytes = elements ? CheckedMul(*elements, item) : std::nullopt;
  if (!nbytes) return GgufMalformed("a tensor in the GGUF file has more bytes than can be counted", at);
  info.nbytes = *nbytes;
  return info;
}

// A row of blocks becomes a row of bytes.
Result<void> Gguf::SetType(Info& info, uint32_t type, uint64_t at) const {
  info.type = FindGgmlType(type);
  if (info.type == nullptr) {
    return Fail(Reason::kUnsupportedFeature, "GGUF tensors of type " + std::to_string(type) + " are not read", at);
  }
  if (info.type->plain != tensors::DType::kNone) return {};
  const uint64_t row = info.shape.empty() ? 1 : info.shape.back();
  const std::optional<uint64_t> bytes = CheckedMul(row / info.type->block_elements, info.type->block_bytes);
  if (row % info.type->block_elements != 0 || !bytes) {
    return GgufMalformed("a row of a quantised tensor in the GGUF file is not made of whole blocks", at);
  }
  info.shape.back() = *bytes;
  return {};
}

Result<void> Gguf::CheckFill(uint64_t from, uint64_t to) const {
  std::vector<uint8_t> fill(to - from);
  AIRLOCK_TRY(input_.ReadAt(from, fill));
  if (std::all_of(fill.begin(), fill.end(), [](uint8_t byte) { return byte == 0; })) return {};
  return GgufMalformed("bytes of the GGUF file belong to no tensor", from);
}

// Each tensor starts at the next aligned place, as ggml wants it; zeros between, and at most to the next aligned place
// behind the last.
Result<void> Gguf::CheckLayout() {
  const auto aligned = [&](uint64_t at) -> std::optional<uint64_t> {
    const std::optional<uint64_t> sum = CheckedAdd(at, alignment_ - 1);
    return sum ? std::optional(*sum / alignment_ * alignment_) : std::nullopt;
  };
  uint64_t end = values_.offset();
  data_start_ = *aligned(end);  // within the file, or just behind it
  for (const Info& info : infos_) {
    const std::optional<uint64_t> start = aligned(end);
    if (!start || CheckedAdd(data_start_, info.offset) != *start) {
      return GgufMalformed("tensor '" + std::string(graph_.text(info.name)) + "' is not at the next aligned place",
                           end);
    }
    if (!SpanFits(*start, info.nbytes, input_.size())) {
      return Fail(Reason::kTruncated, "inside tensor '" + std::string(graph_.text(info.name)) + "'", input_.size());
    }
    AIRLOCK_TRY(CheckFill(end, *start));
    end = *start + info.nbytes;
  }
  const uint64_t last = std::min(aligned(end).value_or(UINT64_MAX), input_.size());
  AIRLOCK_TRY(CheckFill(end, last));
  if (last < input_.size()) return Fail(Reason::kTrailingBytes, "bytes follow the last tensor", last);
  return {};
}

NodeId Gguf::TensorNode(const Info& info, uint32_t device) {
  const uint32_t storage =
      checkpoint_.tables.AddStorage(input_.StorageAt(data_start_ + info.offset, info.nbytes, device));
  std::vector<uint64_t> stride(info.shape.size(), 1);
  for (size_t i = info.shape.size(); i-- > 1;) stride[i - 1] = stride[i] * std::max<uint64_t>(info.shape[i], 1);
  const tensors::DType dtype = info.type->plain == tensors::DType::kNone ? tensors::DType::kUInt8 : info.type->plain;
  return graph_.Tensor(checkpoint_.tables.AddTensor(
      {.storage = storage, .dtype = dtype, .flags = 0, .offset = 0, .shape = info.shape, .stride = stride}));
}

void Gguf::MakeRoot() {
  std::vector<NodeId> root = {graph_.Text(Kind::kString, kGgufMetadata), metadata_};
  std::vector<NodeId> types;
  std::vector<NodeId> named;
  const uint32_t device = checkpoint_.tables.Device("cpu");
  for (const Info& info : infos_) {
    named.push_back(info.name);
    named.push_back(TensorNode(info, device));
    if (info.type->plain != tensors::DType::kNone) continue;
    types.push_back(info.name);
    types.push_back(graph_.Text(Kind::kString, info.type->name));
  }
  if (!types.empty()) {
    root.push_back(graph_.Text(Kind::kString, kGgufTypes));
    root.push_back(graph_.Container(Kind::kDict, types));
  }
  root.insert(root.end(), named.begin(), named.end());
  checkpoint_.root = graph_.Container(Kind::kDict, root);
}

}  // namespace

Result<void> DecodeGguf(const Input& input, Output& /*output*/, Checkpoint& checkpoint) {
  return Gguf(input, checkpoint).Decode();
}

}  // namespace airlock::formats
