#include "sandbox/tensors/torch_constructor.h"

#include <algorithm>

namespace airlock::tensors {
namespace {

using pickle::kNoNode;
using pickle::NodeId;
using pickle::Severity;

// Of any builder in the table below.
constexpr size_t kMaxArguments = 16;
}  // namespace

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
    // Understood, but no tensor yet: sparse, nested and storage-less ones stay records.
    {"torch._utils", "_rebuild_sparse_tensor", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_sparse_csr_tensor", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_nested_tensor", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_wrapper_subclass", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_device_tensor_from_numpy", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", &TorchConstructor::KeepRecord},
};

const TorchConstructor::BuilderRow* TorchConstructor::FindBuilder(uint32_t symbol) {
  if (symbol >= builder_of_.size()) builder_of_.resize(static_cast<size_t>(symbol) + 1, -1);
  int& cached = builder_of_[symbol];
  if (cached < 0) {
    const pickle::SymbolUse& use = context_.symbols[symbol];
    const auto* const row = std::find_if(std::begin(kBuilders), std::end(kBuilders), [&](const BuilderRow& candidate) {
      return use.name == candidate.name && use.module == candidate.module;
    });
    cached = row == std::end(kBuilders) ? 0 : static_cast<int>(row - std::begin(kBuilders)) + 1;
  }
  return cached == 0 ? nullptr : &kBuilders[cached - 1];
}

Result<NodeId> TorchConstructor::Construct(uint32_t symbol, NodeId args, uint64_t offset) {
  const BuilderRow* row = FindBuilder(symbol);
  if (IsScriptClass(symbol)) return ScriptObject(symbol, args, offset);
  // A known name that nothing here makes a value of (torch.Tensor): the record says all there is.
  if (row == nullptr) {
    // The classes of old tensors (torch.FloatTensor) say what a tensor was; called, they make one of a kind of their
    // own.
    const std::string& name = context_.symbols[symbol].name;
    return name != "Tensor" && name.ends_with("Tensor") ? KeepRecord(Call{symbol, {}, offset}) : kNoNode;
  }
  const std::span<const NodeId> children = context_.graph.children(args);
  // No builder takes more. The tuple may be huge and handed over again and again: it is not copied.
  if (children.size() > kMaxArguments) return Odd(Call{symbol, {}, offset});
  return (this->*row->build)(Call{symbol, {children.begin(), children.end()}, offset});
}

// Torch's own builder would let a state replace a tensor's storage and geometry. No file of ours needs that.
Result<bool> TorchConstructor::Build(NodeId object, NodeId, uint64_t offset) {
  if (!context_.graph.is(object, pickle::Kind::kRecord)) return false;
  if (!IsScriptClass(context_.graph.symbol(context_.graph.record(object).callee))) return false;
  CompleteScriptObject(object, offset);
  return true;
}

Result<NodeId> TorchConstructor::Persistent(NodeId id, uint64_t offset) {
  AIRLOCK_ASSIGN(const PersistentId read, ReadPersistentId(context_, form_, id, offset));
  if (read.module_class != kNoNode) {
    Note("torch.module-source", Severity::kNote, "the file carries the source code of a class; it is not used", offset);
    return read.module_class;
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

}  // namespace airlock::tensors
