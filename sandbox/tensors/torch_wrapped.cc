// What wraps a tensor that is there already: parameters, and tensors with attributes or a type of their own.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;
using pickle::Severity;

namespace {

// Attributes that are no data of their own: setting them changes the tensor. Torch never writes them.
constexpr std::array<std::string_view, 9> kTelling = {
    "__class__",           "__dict__",         "data",
    "requires_grad",       "grad_fn",          "_backward_hooks",
    "__array_interface__", "__array_struct__", "__cuda_array_interface__"};

constexpr std::array<std::string_view, 3> kPlainTypes = {"torch.Tensor", "torch.nn.parameter.Parameter",
                                                         "torch.nn.parameter.Buffer"};

}  // namespace

// (data, requires_grad, hooks[, state])
Result<NodeId> TorchConstructor::RebuildParameter(const Call& call) {
  const bool with_state = context_.symbols[call.symbol].name == "_rebuild_parameter_with_state";
  if (call.args.size() != (with_state ? 4U : 3U)) return Odd(call);
  const std::optional<bool> grad = ReadBool(call.args[1]);
  const NodeId state = with_state ? call.args[3] : context_.graph.None();
  if (!grad || !IsState(state)) return Odd(call);
  AIRLOCK_ASSIGN(const NodeId parameter, AsParameter(call.args[0], *grad, call.at));
  if (parameter == kNoNode) return Odd(call);
  CheckHooks(call.args[2], call.at);
  return WithState(parameter, state, call.at);
}

// Parameter(data[, requires_grad]). The first versions gave it its flags by BUILD.
Result<NodeId> TorchConstructor::MakeParameter(const Call& call) {
  if (call.args.empty() || call.args.size() > 2) return Odd(call);
  const std::optional<bool> grad = call.args.size() > 1 ? ReadBool(call.args[1]) : true;
  if (!grad) return Odd(call);
  AIRLOCK_ASSIGN(const NodeId parameter, AsParameter(call.args[0], *grad, call.at));
  if (parameter == kNoNode) return Odd(call);
  if (context_.graph.is(parameter, Kind::kTensor)) unfinished_.emplace(parameter, Awaits::kFlags);
  return parameter;
}

// kNoNode: nothing that can be a parameter. The flags of a sparse parameter stand on its values too, those of a nested
// one on its buffer: torch gives these parts with the same flags.
Result<NodeId> TorchConstructor::AsParameter(NodeId data, bool requires_grad, uint64_t at) {
  const uint32_t flags = kParameter | GradFlag(requires_grad);
  const auto part = [&](size_t index) { return context_.graph.children(data)[index]; };
  if (context_.graph.is(data, Kind::kTensor))
    return CopyTensor(data, (ViewOf(data).flags & (kConj | kNeg)) | flags, at);
  if (context_.graph.is(data, Kind::kMetaTensor)) {
    const NodeId refs[] = {part(0), part(1), part(2)};
    return context_.graph.Compound(Kind::kMetaTensor, flags, refs);
  }
  if (context_.graph.is(data, Kind::kNestedTensor)) {
    AIRLOCK_ASSIGN(const NodeId buffer, CopyTensor(part(0), flags, at));
    const NodeId refs[] = {buffer, part(1), part(2), part(3)};
    return context_.graph.Compound(Kind::kNestedTensor, 0, refs);
  }
  if (!context_.graph.is(data, Kind::kSparseTensor)) return kNoNode;
  const uint32_t bits = context_.graph.count(data);
  // Torch cuts the values of a COO tensor off from what is learnt.
  const bool coo = (bits & kSparseLayoutMask) == static_cast<uint32_t>(SparseLayout::kCoo);
  AIRLOCK_ASSIGN(const NodeId values, CopyTensor(part(2), coo ? uint32_t{kParameter} : flags, at));
  const NodeId refs[] = {part(0), part(1), values, part(3)};
  return context_.graph.Compound(Kind::kSparseTensor, bits | (requires_grad ? kSparseRequiresGrad : 0), refs);
}

bool TorchConstructor::IsState(NodeId state) const {
  const pickle::Graph& graph = context_.graph;
  const auto attributes = [&](NodeId id) {
    return graph.is(id, Kind::kNone) || graph.is(id, Kind::kDict) || graph.is(id, Kind::kOrderedDict);
  };
  if (!graph.is(state, Kind::kTuple)) return attributes(state);
  return graph.children(state).size() == 2 && std::ranges::all_of(graph.children(state), attributes);
}

bool TorchConstructor::IsEmptyState(NodeId state) const {
  const pickle::Graph& graph = context_.graph;
  if (graph.is(state, Kind::kNone)) return true;
  if (!graph.is(state, Kind::kTuple)) return graph.children(state).empty();
  const auto empty = [&](NodeId id) { return graph.is(id, Kind::kNone) || graph.children(id).empty(); };
  return std::ranges::all_of(graph.children(state), empty);
}

// A dict, None, or a pair of these. REQUIRES: IsState(state).
NodeId TorchConstructor::WithState(NodeId made, NodeId state, uint64_t at) {
  if (IsEmptyState(state)) return made;
  CheckAttributes(state, at);
  const NodeId refs[] = {made, state};
  return context_.graph.Compound(Kind::kAttributed, 0, refs);
}

void TorchConstructor::CheckAttributes(NodeId state, uint64_t at) {
  const pickle::Graph& graph = context_.graph;
  const auto tells = [&](NodeId key) {
    return graph.is(key, Kind::kString) && std::ranges::find(kTelling, graph.text(key)) != kTelling.end();
  };
  const auto check = [&](NodeId attributes) {
    if (graph.is(attributes, Kind::kNone)) return false;
    const std::span<const NodeId> pairs = graph.children(attributes);
    context_.opcodes += pairs.size() / 2;
    for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
      if (tells(pairs[i])) return true;
    }
    return false;
  };
  const bool found = graph.is(state, Kind::kTuple) ? std::ranges::any_of(graph.children(state), check) : check(state);
  if (!found) return;
  Note("torch.odd-attributes", Severity::kWarning,
       "a tensor's attributes name what belongs to the tensor itself; they are kept as data and change nothing", at);
}

// (func, type, args, state): a tensor with attributes, or of a subclass. Of a subclass it becomes a record of that
// class which holds the tensor, and has the state for its own: jagged and distributed tensors keep their parts there.
Result<NodeId> TorchConstructor::RebuildFromType(const Call& call) {
  if (call.args.size() != 4 || !context_.graph.is(call.args[0], Kind::kSymbol) ||
      !context_.graph.is(call.args[1], Kind::kSymbol) || !context_.graph.is(call.args[2], Kind::kTuple)) {
    return Odd(call);
  }
  const uint32_t function = context_.graph.symbol(call.args[0]);
  const uint32_t type = context_.graph.symbol(call.args[1]);
  const BuilderRow* row = FindBuilder(function);
  // A builder that builds by a builder would be recursion on what the file says.
  if (row == nullptr || row->build == &TorchConstructor::RebuildFromType) return Odd(call);
  AIRLOCK_ASSIGN(const NodeId made, Construct(function, call.args[2], call.at));
  if (made == kNoNode) return kNoNode;
  const bool shell = context_.graph.is(made, Kind::kRecord);
  if (!shell && !IsTensor(made)) return Odd(call);
  const bool plain = std::ranges::find(kPlainTypes, context_.symbols.FullName(type)) != kPlainTypes.end();
  if (plain && !shell && IsState(call.args[3])) return WithState(made, call.args[3], call.at);
  // Of the classes that are known here only those are subclasses of tensors that shells are made for.
  const BuilderRow* subclass = shell ? FindBuilder(type) : nullptr;
  const bool known = subclass != nullptr && subclass->build == &TorchConstructor::KnownRecord;
  if (plain || (!known && context_.symbols[type].symbol_class != pickle::SymbolClass::kUnknown)) return Odd(call);
  const NodeId args = context_.graph.Container(Kind::kTuple, {&made, 1});
  const bool stateless = context_.graph.is(call.args[3], Kind::kNone);
  return context_.graph.Record({.callee = call.args[1], .args = args, .state = stateless ? kNoNode : call.args[3]});
}

bool TorchConstructor::IsTensor(NodeId id) const {
  const pickle::Graph& graph = context_.graph;
  return graph.is(id, Kind::kTensor) || graph.is(id, Kind::kSparseTensor) || graph.is(id, Kind::kMetaTensor) ||
         graph.is(id, Kind::kNestedTensor);
}

}  // namespace airlock::tensors
