// Tensors that are not one strided view of bytes: nested ones, ones without data, and subclasses that wrap others.
#include <array>

#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"
#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

using pickle::Kind;
using pickle::NodeId;

// (buffer, sizes, strides, offsets): tensors of one dtype in one buffer, a row of sizes and strides for each.
Result<NodeId> TorchConstructor::RebuildNested(const Call& call) {
  if (call.args.size() != 4) return Odd(call);
  for (const NodeId part : call.args) {
    if (!IsPlainTensor(part)) return Odd(call);
  }
  const TensorView buffer = ViewOf(call.args[0]);
  const TensorView sizes = ViewOf(call.args[1]);
  const TensorView strides = ViewOf(call.args[2]);
  const TensorView offsets = ViewOf(call.args[3]);
  // Of no tensors at all torch writes numbers of another type, which nobody could check.
  if (sizes.shape.empty()) return KeepRecord(call);
  const bool typed = sizes.dtype == DType::kInt64 && strides.dtype == DType::kInt64 && offsets.dtype == DType::kInt64;
  const bool fits = buffer.shape.size() == 1 && sizes.shape.size() == 2 && sizes.shape[1] <= context_.limits.dims &&
                    std::ranges::equal(sizes.shape, strides.shape) && offsets.shape.size() == 1 &&
                    offsets.shape[0] == sizes.shape[0];
  if (!typed || !fits || !IsRowMajor(buffer.shape, buffer.stride)) return Odd(call);
  tables_.AddCheck({.first = context_.graph.tensor(call.args[1]),
                    .second = context_.graph.tensor(call.args[2]),
                    .third = context_.graph.tensor(call.args[3]),
                    .size = {buffer.shape[0]},
                    .at = call.at});
  return context_.graph.Compound(Kind::kNestedTensor, 0, call.args);
}

// (dtype, size, stride, requires_grad)
Result<NodeId> TorchConstructor::RebuildMeta(const Call& call) {
  if (call.args.size() != 4 || !context_.graph.is(call.args[0], Kind::kDType)) return Odd(call);
  AIRLOCK_ASSIGN(const auto shape, ReadDims(call.args[1], call.at));
  AIRLOCK_ASSIGN(const auto stride, ReadDims(call.args[2], call.at));
  const std::optional<bool> grad = ReadBool(call.args[3]);
  if (!shape || !stride || !grad || shape->size() != stride->size()) return Odd(call);
  // No bytes to be outside of; but its elements must be countable.
  AIRLOCK_TRY(CheckGeometry(0, *shape, *stride, UINT64_MAX, context_.limits.dims, call.at));
  const NodeId size = context_.graph.CopyAs(Kind::kSize, call.args[1]);
  const NodeId refs[] = {call.args[0], size, context_.graph.CopyAs(Kind::kTuple, call.args[2])};
  return context_.graph.Compound(Kind::kMetaTensor, GradFlag(*grad), refs);
}

// (dtype in the place of the storage, offset, size, stride, requires_grad, hooks)
Result<NodeId> TorchConstructor::RebuildShell(const Call& call) {
  if (call.args.size() != 6) return Odd(call);
  CheckHooks(call.args[5], call.at);
  const std::array<NodeId, 4> args = {call.args[0], call.args[2], call.args[3], call.args[4]};
  return RebuildMeta({call.symbol, args, call.at});
}

// (class, dtype, size, stride, offset, layout, device, requires_grad): a shell, whose data its class keeps elsewhere.
Result<NodeId> TorchConstructor::RebuildWrapperSubclass(const Call& call) {
  const pickle::Graph& graph = context_.graph;
  if (call.args.size() != 8 || !graph.is(call.args[0], Kind::kSymbol) || !graph.is(call.args[1], Kind::kDType) ||
      !graph.is(call.args[4], Kind::kInt) || !graph.is(call.args[5], Kind::kLayout) || !IsDevice(call.args[6])) {
    return Odd(call);
  }
  const bool base = context_.symbols.FullName(graph.symbol(call.args[0])) == "torch.Tensor";
  AIRLOCK_ASSIGN(const auto shape, ReadDims(call.args[2], call.at));
  AIRLOCK_ASSIGN(const auto stride, ReadDims(call.args[3], call.at));
  if (base || !shape || !stride || !ReadBool(call.args[7])) return Odd(call);
  return KnownRecord(call);
}

}  // namespace airlock::tensors
