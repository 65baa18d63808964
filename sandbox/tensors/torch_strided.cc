// Strided tensors: views of a storage.
#include "sandbox/base/checked.h"
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"
#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

Result<NodeId> TorchConstructor::AddView(const Strided& strided, DType dtype, uint32_t flags, uint64_t at) {
  const uint32_t storage = context_.graph.storage(strided.storage);
  const uint64_t nbytes = tables_.storage(storage).nbytes;
  const uint32_t packed = ElementsPerByte(dtype);
  uint64_t elements = CheckedMul(nbytes / ItemSize(dtype), packed).value_or(UINT64_MAX);
  uint64_t first = 0;
  if (const auto slice = slices_.find(strided.storage); slice != slices_.end()) {
    first = slice->second.offset;
    elements = slice->second.numel;
  }
  AIRLOCK_TRY(CheckGeometry(strided.offset, strided.shape, strided.stride, elements, context_.limits.dims, at));
  if (packed > 1 && PackedBytes(strided.shape, packed).value_or(UINT64_MAX) > nbytes) {
    return Fail(Reason::kTensorOutOfBounds, "a packed tensor needs more bytes than its storage has", at);
  }
  const std::optional<uint64_t> offset = CheckedAdd(first, strided.offset);
  if (!offset) return Fail(Reason::kTensorOutOfBounds, "a tensor's offset cannot be counted", at);
  if (tables_.tensor_count() >= context_.limits.tensors) {
    return FailLimit("tensors", context_.limits.tensors, tables_.tensor_count() + 1, at);
  }
  return context_.graph.Tensor(tables_.AddTensor(TensorView{.storage = storage,
                                                            .dtype = dtype,
                                                            .flags = flags,
                                                            .offset = *offset,
                                                            .shape = strided.shape,
                                                            .stride = strided.stride}));
}

Result<NodeId> TorchConstructor::CopyTensor(NodeId tensor, uint32_t flags, uint64_t at) {
  if (tables_.tensor_count() >= context_.limits.tensors) {
    return FailLimit("tensors", context_.limits.tensors, tables_.tensor_count() + 1, at);
  }
  const uint32_t original = context_.graph.tensor(tensor);
  TensorView view = tables_.tensor(original);
  view.flags = flags;
  const uint32_t copy = tables_.AddTensor(view);
  if (const auto found = quantization_of_.find(original); found != quantization_of_.end()) {
    Quantization quantization = tables_.quantizations()[found->second];
    quantization.tensor = copy;
    quantization_of_.emplace(copy, tables_.quantizations().size());
    tables_.AddQuantization(quantization);
  }
  return context_.graph.Tensor(copy);
}

// Torch reads an untyped storage as bytes where nothing says otherwise.
DType TorchConstructor::ElementsOf(NodeId storage) const {
  const auto dtype = static_cast<DType>(context_.graph.storage_dtype(storage));
  return dtype == DType::kNone ? DType::kUInt8 : dtype;
}

Result<NodeId> TorchConstructor::RebuildTensor(const Call& call) {
  AIRLOCK_ASSIGN(const std::optional<Strided> strided, ReadStrided(call));
  if (!strided || call.args.size() != 4) return Odd(call);
  const DType dtype = ElementsOf(strided->storage);
  if (IsQuantized(dtype)) return Odd(call);
  return AddView(*strided, dtype, 0, call.at);
}

Result<NodeId> TorchConstructor::RebuildTensorV2(const Call& call) {
  if (!call.args.empty() && shells_.contains(call.args[0])) return RebuildShell(call);
  AIRLOCK_ASSIGN(const std::optional<Strided> strided, ReadStrided(call));
  if (!strided || call.args.size() < 6 || call.args.size() > 7) return Odd(call);
  const DType dtype = ElementsOf(strided->storage);
  const std::optional<uint32_t> flags = ReadFlags(call.args[4], call.args.size() > 6 ? call.args[6] : kNoNode, dtype);
  if (!flags || IsQuantized(dtype)) return Odd(call);
  CheckHooks(call.args[5], call.at);
  return AddView(*strided, dtype, *flags, call.at);
}

Result<NodeId> TorchConstructor::RebuildTensorV3(const Call& call) {
  AIRLOCK_ASSIGN(const std::optional<Strided> strided, ReadStrided(call));
  if (!strided || call.args.size() < 7 || call.args.size() > 8) return Odd(call);
  if (context_.graph.storage_dtype(strided->storage) != static_cast<uint32_t>(DType::kNone)) return Odd(call);
  if (!context_.graph.is(call.args[6], Kind::kDType)) return Odd(call);
  const DTypeRow* row = FindDTypeByName(context_.graph.text(call.args[6]));
  if (row == nullptr) return KeepRecord(call);
  const std::optional<uint32_t> flags =
      ReadFlags(call.args[4], call.args.size() > 7 ? call.args[7] : kNoNode, row->dtype);
  if (!flags || IsQuantized(row->dtype)) return Odd(call);
  CheckHooks(call.args[5], call.at);
  return AddView(*strided, row->dtype, *flags, call.at);
}

}  // namespace airlock::tensors
