// What wraps a tensor that is there already: parameters, and tensors with a type of their own.
#include <string>

#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;
using pickle::Severity;

// (data, requires_grad, hooks[, state])
Result<NodeId> TorchConstructor::RebuildParameter(const Call& call) {
  const bool with_state = context_.symbols[call.symbol].name == "_rebuild_parameter_with_state";
  if (call.args.size() != (with_state ? 4U : 3U) || !context_.graph.is(call.args[0], Kind::kTensor)) return Odd(call);
  const std::optional<bool> grad = ReadBool(call.args[1]);
  if (!grad) return Odd(call);
  CheckHooks(call.args[2], call.at);
  if (with_state && !IsEmptyState(call.args[3])) {
    Note("torch.tensor-attributes", Severity::kNote, "a parameter has attributes of its own; they are dropped",
         call.at);
  }
  const uint32_t kept = tables_.tensor(context_.graph.tensor(call.args[0])).flags & (kConj | kNeg);
  return CopyTensor(call.args[0], kept | kParameter | GradFlag(*grad), call.at);
}

// Parameter(data[, requires_grad])
Result<NodeId> TorchConstructor::MakeParameter(const Call& call) {
  if (call.args.empty() || call.args.size() > 2 || !context_.graph.is(call.args[0], Kind::kTensor)) return Odd(call);
  const std::optional<bool> grad = call.args.size() > 1 ? ReadBool(call.args[1]) : true;
  if (!grad) return Odd(call);
  const uint32_t kept = tables_.tensor(context_.graph.tensor(call.args[0])).flags & (kConj | kNeg);
  return CopyTensor(call.args[0], kept | kParameter | GradFlag(*grad), call.at);
}

// (func, type, args, state): a plain tensor with attributes, or a subclass. Only the former is a tensor here.
Result<NodeId> TorchConstructor::RebuildFromType(const Call& call) {
  const pickle::Graph& graph = context_.graph;
  if (call.args.size() != 4 || !graph.is(call.args[0], Kind::kSymbol) || !graph.is(call.args[1], Kind::kSymbol) ||
      !graph.is(call.args[2], Kind::kTuple)) {
    return Odd(call);
  }
  const std::string type = context_.symbols.FullName(graph.symbol(call.args[1]));
  const uint32_t function = graph.symbol(call.args[0]);
  const BuilderRow* row = FindBuilder(function);
  // A builder that builds by a builder would be recursion on what the file says.
  if (row == nullptr || row->build == &TorchConstructor::RebuildFromType) return Odd(call);
  if (type != "torch.Tensor" && type != "torch.nn.parameter.Parameter" && type != "torch.nn.parameter.Buffer") {
    return KeepRecord(call);
  }
  AIRLOCK_ASSIGN(const NodeId made, Construct(function, call.args[2], call.at));
  if (!graph.is(made, Kind::kTensor)) return kNoNode;
  if (!IsEmptyState(call.args[3])) {
    Note("torch.tensor-attributes", Severity::kNote, "a tensor has attributes of its own; they are dropped", call.at);
  }
  return made;
}

}  // namespace airlock::tensors
