// What the first versions of torch wrote: tensors that are made empty and get their storage by BUILD, Variables and
// parameters that get their flags so. And the calls that would allocate from a number alone.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;
using pickle::Severity;

// "FloatTensor" and "FloatStorage" hold float32; "Tensor" alone is a FloatTensor.
const DTypeRow* TorchConstructor::LegacyDType(uint32_t symbol, std::string_view suffix) const {
  std::string name = context_.symbols[symbol].name;
  if (!name.ends_with(suffix)) return nullptr;
  name.resize(name.size() - suffix.size());
  return FindDTypeByStorage((name.empty() ? "Float" : name) + "Storage");
}

// A class that takes sizes: torch.FloatTensor(1 << 40) and torch.FloatStorage(1 << 40) allocate, and show what the
// memory held before.
bool TorchConstructor::IsAllocation(const Call& call) const {
  const pickle::Graph& graph = context_.graph;
  return !call.args.empty() && (graph.is(call.args[0], Kind::kInt) || graph.is(call.args[0], Kind::kBigInt) ||
                                graph.is(call.args[0], Kind::kSize));
}

Result<NodeId> TorchConstructor::RefuseAllocation(const Call& call) {
  if (!IsAllocation(call)) return Odd(call);
  pickle::AddFinding(context_, pickle::Finding{"torch.allocates", Severity::kWarning,
                                               context_.symbols.FullName(call.symbol) +
                                                   " is called with a size: it would allocate, and nothing of the file "
                                                   "says what is in there; kept as a record",
                                               "", call.at});
  return kNoNode;
}

// torch.FloatTensor(): empty, until a state says more.
Result<NodeId> TorchConstructor::MakeLegacyTensor(const Call& call) {
  if (!call.args.empty()) return RefuseAllocation(call);
  const DTypeRow* row = LegacyDType(call.symbol, "Tensor");
  if (row == nullptr) return Odd(call);
  AIRLOCK_ASSIGN(const NodeId node, EmptyTensor(row->dtype, call.at));
  unfinished_.emplace(node, Awaits::kStorage);
  return node;
}

// Variable([data[, requires_grad[, volatile]]]) of torch 0.1 to 0.3; the flags come by BUILD.
Result<NodeId> TorchConstructor::MakeVariable(const Call& call) {
  if (call.args.size() > 1) return Odd(call);
  NodeId node = kNoNode;
  if (call.args.empty()) {
    AIRLOCK_ASSIGN(node, EmptyTensor(DType::kFloat32, call.at));
  } else {
    if (!context_.graph.is(call.args[0], Kind::kTensor)) return Odd(call);
    AIRLOCK_ASSIGN(node, CopyTensor(call.args[0], ViewOf(call.args[0]).flags & (kConj | kNeg), call.at));
  }
  unfinished_.emplace(node, Awaits::kFlags);
  return node;
}

Result<NodeId> TorchConstructor::EmptyTensor(DType dtype, uint64_t at) {
  if (!empty_storage_) empty_storage_ = tables_.AddStorage({.device = tables_.Device("cpu")});
  const NodeId storage = context_.graph.Storage(*empty_storage_, static_cast<uint32_t>(dtype));
  const std::array<uint64_t, 1> shape = {0};
  const std::array<uint64_t, 1> stride = {1};
  return AddView(Strided{storage, 0, shape, stride}, dtype, 0, at);
}

// A record has got its state by now. Of tensors only those take one that were made to, and they take it once: torch
// lets a state replace the storage and geometry of any tensor.
Result<bool> TorchConstructor::Build(NodeId object, NodeId state, uint64_t offset) {
  if (context_.graph.is(object, Kind::kRecord)) {
    const NodeId callee = context_.graph.record(object).callee;
    const bool script = context_.graph.is(callee, Kind::kSymbol) && IsScriptClass(context_.graph.symbol(callee));
    if (script) CompleteScriptObject(object, offset);
    return true;
  }
  bool done = false;
  if (const auto found = unfinished_.find(object); found != unfinished_.end()) {
    const Awaits awaits = found->second;
    unfinished_.erase(found);
    if (awaits == Awaits::kStorage) {
      AIRLOCK_ASSIGN(done, SetStorage(object, state, offset));
    } else {
      AIRLOCK_ASSIGN(done, SetVariable(object, state, offset));
    }
  }
  if (!done) {
    Note("torch.state-on-tensor", Severity::kDanger,
         "a state is set on a tensor or storage that is complete: in torch it replaces what it views", offset);
  }
  return done;
}

// (storage, offset, size, stride)
Result<bool> TorchConstructor::SetStorage(NodeId tensor, NodeId state, uint64_t at) {
  const pickle::Graph& graph = context_.graph;
  const DType dtype = ViewOf(tensor).dtype;
  if (!graph.is(state, Kind::kTuple) || graph.children(state).size() != 4) return false;
  std::array<NodeId, 4> parts;
  std::ranges::copy(graph.children(state), parts.begin());
  AIRLOCK_ASSIGN(const std::optional<Strided> strided, ReadStrided(Call{0, parts, at}));
  if (!strided || graph.storage_dtype(strided->storage) != static_cast<uint32_t>(dtype)) return false;
  AIRLOCK_ASSIGN(const NodeId view, AddView(*strided, dtype, 0, at));
  context_.graph.Become(tensor, view);
  return true;
}

// (requires_grad, volatile, hooks), or, the oldest, (data, ?, hooks, requires_grad, volatile)
Result<bool> TorchConstructor::SetVariable(NodeId tensor, NodeId state, uint64_t at) {
  const pickle::Graph& graph = context_.graph;
  if (!graph.is(state, Kind::kTuple)) return false;
  const std::span<const NodeId> parts = graph.children(state);
  const bool with_data = parts.size() == 5;
  if (!with_data && parts.size() != 3) return false;
  const std::optional<bool> grad = ReadBool(parts[with_data ? 3 : 0]);
  if (!grad || !ReadBool(parts[with_data ? 4 : 1]) || (with_data && !graph.is(parts[0], Kind::kTensor))) return false;
  CheckHooks(parts[2], at);
  const uint32_t index = graph.tensor(tensor);
  const uint32_t flags = (tables_.tensor(index).flags & ~uint32_t{kRequiresGrad}) | GradFlag(*grad);
  if (!with_data) {
    tables_.SetFlags(index, flags);
    return true;
  }
  AIRLOCK_ASSIGN(const NodeId made, CopyTensor(parts[0], flags, at));
  context_.graph.Become(tensor, made);
  return true;
}

}  // namespace airlock::tensors
