// Quantised tensors, per tensor and per channel.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"
#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

// A 1-dimensional tensor of `length` numbers; or a list of them, as torch 1.3 and 1.4 wrote, of which torch makes a
// tensor of `made` elements.
Result<std::optional<uint32_t>> TorchConstructor::ReadScales(NodeId id, const Channels& channels, DType made) {
  using Absent = std::optional<uint32_t>;
  if (context_.graph.is(id, Kind::kList)) return ScalesOfList(id, channels, made);
  if (!IsPlainTensor(id)) return Absent();
  const TensorView view = ViewOf(id);
  if (view.shape.size() != 1 || view.shape[0] != channels.count) return Absent();
  return Absent(context_.graph.tensor(id));
}

namespace {

template <typename T>
void Append(std::vector<uint8_t>& bytes, T value) {
  const auto* raw = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), raw, raw + sizeof(T));
}

}  // namespace

Result<std::optional<uint32_t>> TorchConstructor::ScalesOfList(NodeId list, const Channels& channels, DType made) {
  using Absent = std::optional<uint32_t>;
  const pickle::Graph& graph = context_.graph;
  const std::span<const NodeId> items = graph.children(list);
  if (items.size() != channels.count) return Absent();
  context_.opcodes += items.size();
  std::vector<uint8_t> bytes;
  for (const NodeId item : items) {
    const bool integer = graph.is(item, Kind::kInt);
    if (!integer && (made == DType::kInt64 || !graph.is(item, Kind::kFloat))) return Absent();
    const double real = integer ? static_cast<double>(graph.integer(item)) : graph.real(item);
    if (made == DType::kInt64) Append(bytes, graph.integer(item));
    if (made == DType::kFloat64) Append(bytes, real);
    if (made == DType::kFloat32) Append(bytes, static_cast<float>(real));
  }
  AIRLOCK_ASSIGN(const std::optional<uint32_t> storage, storages_.Add(bytes, channels.device));
  if (!storage) return Absent();
  const NodeId node = context_.graph.Storage(*storage, static_cast<uint32_t>(made));
  const std::array<uint64_t, 1> shape = {items.size()};
  const std::array<uint64_t, 1> stride = {1};
  AIRLOCK_ASSIGN(const NodeId tensor, AddView(Strided{node, 0, shape, stride}, made, 0, channels.at));
  return Absent(context_.graph.tensor(tensor));
}

Result<std::optional<Quantization>> TorchConstructor::ReadQuantizer(NodeId id, const Strided& strided, uint64_t at) {
  using Absent = std::optional<Quantization>;
  const pickle::Graph& graph = context_.graph;
  if (!graph.is(id, Kind::kTuple)) return Absent();
  const std::span<const NodeId> children = graph.children(id);
  const std::vector<NodeId> parts(children.begin(),
                                  children.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(children.size(), 5)));
  if (parts.empty() || !graph.is(parts[0], Kind::kSymbol)) return Absent();
  const std::string scheme = context_.symbols.FullName(graph.symbol(parts[0]));
  Quantization result;
  if (scheme == "torch.per_tensor_affine" && parts.size() == 3) {
    if (!graph.is(parts[1], Kind::kFloat) || !graph.is(parts[2], Kind::kInt)) return Absent();
    result.scale = graph.real(parts[1]);
    result.zero_point = graph.integer(parts[2]);
    return Absent(result);
  }
  const bool real_zeros = scheme == "torch.per_channel_affine_float_qparams";
  if (!real_zeros && scheme != "torch.per_channel_affine") return Absent();
  if (parts.size() != 4 || !graph.is(parts[3], Kind::kInt)) return Absent();
  const int64_t axis = graph.integer(parts[3]);
  if (axis < 0 || static_cast<uint64_t>(axis) >= strided.shape.size()) return Absent();
  const Channels channels{strided.shape[static_cast<size_t>(axis)],
                          tables_.storage(graph.storage(strided.storage)).device, at};
  AIRLOCK_ASSIGN(const auto scales, ReadScales(parts[1], channels, real_zeros ? DType::kFloat32 : DType::kFloat64));
  if (!scales) return Absent();
  AIRLOCK_ASSIGN(const auto zero_points, ReadScales(parts[2], channels, real_zeros ? DType::kFloat32 : DType::kInt64));
  if (!zero_points) return Absent();
  result.per_channel = true;
  result.axis = static_cast<uint32_t>(axis);
  result.scales = *scales;
  result.zero_points = *zero_points;
  return Absent(result);
}

Result<NodeId> TorchConstructor::RebuildQuantized(const Call& call) {
  AIRLOCK_ASSIGN(const std::optional<Strided> strided, ReadStrided(call));
  if (!strided || call.args.size() != 7) return Odd(call);
  const auto dtype = static_cast<DType>(context_.graph.storage_dtype(strided->storage));
  const std::optional<uint32_t> flags = ReadFlags(call.args[5], kNoNode, dtype);
  AIRLOCK_ASSIGN(std::optional<Quantization> quantization, ReadQuantizer(call.args[4], *strided, call.at));
  if (!flags || !quantization || !IsQuantized(dtype)) return Odd(call);
  // Views of packed elements would begin or end inside a byte.
  const bool packed_view = ElementsPerByte(dtype) > 1 && (strided->offset != 0 || slices_.contains(strided->storage) ||
                                                          !IsRowMajor(strided->shape, strided->stride));
  if (packed_view) return KeepRecord(call);
  CheckHooks(call.args[6], call.at);
  AIRLOCK_ASSIGN(const NodeId node, AddView(*strided, dtype, *flags, call.at));
  quantization->tensor = context_.graph.tensor(node);
  quantization_of_.emplace(quantization->tensor, tables_.quantizations().size());
  tables_.AddQuantization(*quantization);
  return node;
}

}  // namespace airlock::tensors
