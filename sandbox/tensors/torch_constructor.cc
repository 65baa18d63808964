#include "sandbox/tensors/torch_constructor.h"

#include <algorithm>
#include <array>

#include "sandbox/tensors/dtypes.h"

namespace airlock::tensors {
namespace {

using pickle::kNoNode;
using pickle::NodeId;
using pickle::Severity;

// Of any builder in the table below.
constexpr size_t kMaxArguments = 16;
}  // namespace

// "*" at the start of a name: every known name of the module that ends so.
const TorchConstructor::BuilderRow TorchConstructor::kBuilders[] = {
    {"torch._utils", "_rebuild_tensor", &TorchConstructor::RebuildTensor},
    {"torch._utils", "_rebuild_tensor_v2", &TorchConstructor::RebuildTensorV2},
    {"torch._utils", "_rebuild_tensor_v3", &TorchConstructor::RebuildTensorV3},
    {"torch._utils", "_rebuild_qtensor", &TorchConstructor::RebuildQuantized},
    {"torch._utils", "_rebuild_parameter", &TorchConstructor::RebuildParameter},
    {"torch._utils", "_rebuild_parameter_with_state", &TorchConstructor::RebuildParameter},
    {"torch._tensor", "_rebuild_from_type_v2", &TorchConstructor::RebuildFromType},
    {"torch.nn.parameter", "Parameter", &TorchConstructor::MakeParameter},
    {"torch.serialization", "_get_layout", &TorchConstructor::GetLayout},
    {"torch", "Size", &TorchConstructor::MakeSize},
    {"torch", "device", &TorchConstructor::MakeDevice},
    {"torch.jit._pickle", "build_intlist", &TorchConstructor::TypedList},
    {"torch.jit._pickle", "build_doublelist", &TorchConstructor::TypedList},
    {"torch.jit._pickle", "build_boollist", &TorchConstructor::TypedList},
    {"torch.jit._pickle", "build_tensorlist", &TorchConstructor::TypedList},
    {"torch.jit._pickle", "restore_type_tag", &TorchConstructor::RestoreTypeTag},
    // Of a table of tensors that torch's RPC sends beside a pickle. No file has one.
    {"torch.jit._pickle", "build_tensor_from_id", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_sparse_tensor", &TorchConstructor::RebuildSparse},
    {"torch._utils", "_rebuild_sparse_csr_tensor", &TorchConstructor::RebuildSparse},
    {"torch._utils", "_rebuild_nested_tensor", &TorchConstructor::RebuildNested},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", &TorchConstructor::RebuildMeta},
    {"torch._utils", "_rebuild_wrapper_subclass", &TorchConstructor::RebuildWrapperSubclass},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", &TorchConstructor::RebuildOfDevice},
    {"torch._utils", "_rebuild_device_tensor_from_numpy", &TorchConstructor::RebuildOfDevice},
    {"torch._utils", "_rebuild_xla_tensor", &TorchConstructor::RebuildOfDevice},
    {"torch.autograd.variable", "Variable", &TorchConstructor::MakeVariable},
    {"torch", "*Tensor", &TorchConstructor::MakeLegacyTensor},
    {"torch.cuda", "*Tensor", &TorchConstructor::MakeLegacyTensor},
    {"torch.sparse", "*Tensor", &TorchConstructor::MakeLegacySparse},
    {"torch.cuda.sparse", "*Tensor", &TorchConstructor::MakeLegacySparse},
    {"torch", "*Storage", &TorchConstructor::RefuseAllocation},
    {"torch.cuda", "*Storage", &TorchConstructor::RefuseAllocation},
    {"torch.storage", "*Storage", &TorchConstructor::RefuseAllocation},
    // Distributed and jagged tensors: records of their parts.
    {"torch.nested._internal.nested_tensor", "*", &TorchConstructor::KnownRecord},
    {"torch.distributed.tensor", "*", &TorchConstructor::KnownRecord},
};

const TorchConstructor::BuilderRow* TorchConstructor::FindBuilder(uint32_t symbol) {
  return builder_of_.Of(symbol, [&]() -> const BuilderRow* {
    const pickle::SymbolUse& use = context_.symbols[symbol];
    const auto* const row = std::find_if(std::begin(kBuilders), std::end(kBuilders), [&](const BuilderRow& candidate) {
      const std::string_view name = candidate.name;
      const bool named = name.starts_with('*') ? use.name.ends_with(name.substr(1)) : use.name == name;
      return named && use.module == candidate.module;
    });
    return row != std::end(kBuilders) ? row : nullptr;
  });
}

Result<NodeId> TorchConstructor::Construct(uint32_t symbol, NodeId args, uint64_t offset) {
  const BuilderRow* row = FindBuilder(symbol);
  if (IsScriptClass(symbol)) return ScriptObject(symbol, args, offset);
  const std::span<const NodeId> children = context_.graph.children(args);
  // A known name that is not for calling (torch.per_tensor_affine).
  if (row == nullptr) return Odd(Call{symbol, {}, offset});
  // No builder takes more. The tuple may be huge and handed over again and again: it is not copied.
  if (children.size() > kMaxArguments) return Odd(Call{symbol, {}, offset});
  std::array<NodeId, kMaxArguments> copy;
  std::ranges::copy(children, copy.begin());
  return (this->*row->build)(Call{symbol, std::span(copy).first(children.size()), offset});
}

Result<NodeId> TorchConstructor::Persistent(NodeId id, uint64_t offset) {
  PersistentId read;
  AIRLOCK_TRY(ReadPersistentId(context_, form_, id, offset, storage_classes_, read));
  if (read.module_class != kNoNode) {
    Note("torch.module-source", Severity::kNote, "the file carries the source code of a class; it is not used", offset);
    return read.module_class;
  }
  if (read.storage.dtype != DType::kNone && !storages_.HasData(read.storage)) {
    const NodeId shell = context_.graph.Text(pickle::Kind::kDType, RowOf(read.storage.dtype).name);
    shells_.insert(shell);
    return shell;
  }
  AIRLOCK_ASSIGN(const uint32_t storage, storages_.Resolve(read.storage));
  const NodeId node = context_.graph.Storage(storage, static_cast<uint32_t>(read.storage.dtype));
  if (read.storage.slice) slices_.emplace(node, *read.storage.slice);
  return node;
}

void TorchConstructor::Note(const char* id, Severity severity, const char* message, uint64_t at) {
  pickle::AddFinding(context_, pickle::Finding{id, severity, message, "", at});
}

Result<NodeId> TorchConstructor::Odd(const Call& call) {
  pickle::AddFinding(context_, pickle::Finding{"torch.odd-arguments", Severity::kWarning,
                                               context_.symbols.FullName(call.symbol) +
                                                   " has arguments that torch never writes; kept as a record",
                                               "", call.at});
  return kNoNode;
}

Result<NodeId> TorchConstructor::KeepRecord(const Call& call) {
  pickle::AddFinding(context_, pickle::Finding{"torch.kept-as-record", Severity::kWarning,
                                               context_.symbols.FullName(call.symbol) +
                                                   " makes a tensor of a kind that is not rebuilt; kept as a record",
                                               "", call.at});
  return kNoNode;
}

// A record that says all there is: no finding.
Result<NodeId> TorchConstructor::KnownRecord(const Call& call) {
  const NodeId callee = context_.graph.Symbol(call.symbol);
  return context_.graph.Record({.callee = callee, .args = context_.graph.Container(pickle::Kind::kTuple, call.args)});
}

}  // namespace airlock::tensors
