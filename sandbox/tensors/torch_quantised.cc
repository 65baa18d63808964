// Quantised tensors, per tensor and per channel.
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"
#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

// A 1-dimensional tensor of `length` numbers.
std::optional<uint32_t> TorchConstructor::ReadScales(NodeId id, uint64_t length) const {
  if (!context_.graph.is(id, Kind::kTensor)) return std::nullopt;
  const uint32_t tensor = context_.graph.tensor(id);
  const TensorView view = tables_.tensor(tensor);
  if (view.shape.size() != 1 || view.shape[0] != length || IsQuantized(view.dtype)) return std::nullopt;
  return tensor;
}

std::optional<Quantization> TorchConstructor::ReadQuantizer(NodeId id, std::span<const uint64_t> shape) const {
  const pickle::Graph& graph = context_.graph;
  if (!graph.is(id, Kind::kTuple)) return std::nullopt;
  const std::span<const NodeId> parts = graph.children(id);
  if (parts.empty() || !graph.is(parts[0], Kind::kSymbol)) return std::nullopt;
  const pickle::SymbolUse& scheme = context_.symbols[graph.symbol(parts[0])];
  if (scheme.module != "torch") return std::nullopt;
  Quantization result;
  if (scheme.name == "per_tensor_affine" && parts.size() == 3) {
    if (!graph.is(parts[1], Kind::kFloat) || !graph.is(parts[2], Kind::kInt)) return std::nullopt;
    result.scale = graph.real(parts[1]);
    result.zero_point = graph.integer(parts[2]);
    return result;
  }
  const bool per_channel = scheme.name == "per_channel_affine" || scheme.name == "per_channel_affine_float_qparams";
  if (!per_channel || parts.size() != 4 || !graph.is(parts[3], Kind::kInt)) return std::nullopt;
  const int64_t axis = graph.integer(parts[3]);
  if (axis < 0 || static_cast<uint64_t>(axis) >= shape.size()) return std::nullopt;
  const std::optional<uint32_t> scales = ReadScales(parts[1], shape[static_cast<size_t>(axis)]);
  const std::optional<uint32_t> zero_points = ReadScales(parts[2], shape[static_cast<size_t>(axis)]);
  if (!scales || !zero_points) return std::nullopt;
  result.per_channel = true;
  result.axis = static_cast<uint32_t>(axis);
  result.scales = *scales;
  result.zero_points = *zero_points;
  return result;
}

Result<NodeId> TorchConstructor::RebuildQuantized(const Call& call) {
  AIRLOCK_ASSIGN(const std::optional<Strided> strided, ReadStrided(call));
  if (!strided || call.args.size() != 7) return Odd(call);
  const auto dtype = static_cast<DType>(context_.graph.storage_dtype(strided->storage));
  const std::optional<uint32_t> flags = ReadFlags(call.args[5], kNoNode, dtype);
  std::optional<Quantization> quantization = ReadQuantizer(call.args[4], strided->shape);
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
