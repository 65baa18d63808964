// What TorchScript's writer and the pickles of torch's C++ add to torch's own: typed lists, type tags, and objects of
// classes that no Python has.
#include <string>

#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;
using pickle::Severity;

// (list,): a list of ints, floats, truth values or tensors. The list itself.
Result<NodeId> TorchConstructor::TypedList(const Call& call) {
  const pickle::Graph& graph = context_.graph;
  if (call.args.size() != 1 || !graph.is(call.args[0], Kind::kList)) return Odd(call);
  const std::string& name = context_.symbols[call.symbol].name;
  const auto fits = [&](NodeId item) {
    if (name == "build_intlist") return graph.is(item, Kind::kInt);
    if (name == "build_doublelist") return graph.is(item, Kind::kFloat);
    if (name == "build_boollist") return graph.is(item, Kind::kTrue) || graph.is(item, Kind::kFalse);
    return graph.is(item, Kind::kTensor);
  };
  context_.opcodes += graph.children(call.args[0]).size();
  for (const NodeId item : graph.children(call.args[0])) {
    if (!fits(item)) return Odd(call);
  }
  return call.args[0];
}

// (value, "List[int]"): the value. Only TorchScript has use for the type.
Result<NodeId> TorchConstructor::RestoreTypeTag(const Call& call) {
  if (call.args.size() != 2 || !context_.graph.is(call.args[1], Kind::kString)) return Odd(call);
  return call.args[0];
}

// The names of TorchScript's classes are known only where an archive brings them (Symbols::SetKnownModule).
bool TorchConstructor::IsScriptClass(uint32_t symbol) const {
  const pickle::SymbolUse& use = context_.symbols[symbol];
  return use.module.starts_with("__torch__") || (use.module == "torch._C" && use.name == "ScriptObject");
}

// Objects are made without arguments, enumerators of their value.
Result<NodeId> TorchConstructor::ScriptObject(uint32_t symbol, NodeId args, uint64_t at) {
  const size_t count = context_.graph.children(args).size();
  if (count > 1) return Odd(Call{symbol, {}, at});
  const NodeId callee = context_.graph.Symbol(symbol);
  return context_.graph.Record({.callee = callee, .args = args, .made_by_new = count == 0});
}

// An object of a class of TorchScript or of torch's C++, after its state came. One without attributes has a tuple for a
// state, and the tuple's parts become its items, so that tensors in it have a name.
void TorchConstructor::CompleteScriptObject(NodeId record, uint64_t at) {
  const pickle::Graph& graph = context_.graph;
  pickle::RecordParts parts = graph.record(record);
  const pickle::SymbolUse& use = context_.symbols[graph.symbol(parts.callee)];
  NodeId values = parts.state;
  bool odd = parts.many_states || parts.items != kNoNode || parts.args == kNoNode;
  odd = odd || !graph.children(parts.args).empty();
  if (use.module == "torch._C") {
    // (state, name of its class)
    odd = odd || !graph.is(values, Kind::kTuple) || graph.children(values).size() != 2;
    odd = odd || !graph.is(graph.children(values)[1], Kind::kString) ||
          !graph.text(graph.children(values)[1]).starts_with("__torch__.torch.classes.");
    if (!odd) values = graph.children(values)[0];
  }
  if (odd) {
    Note("torch.odd-arguments", Severity::kWarning, "an object of TorchScript is not as torch writes it", at);
    return;
  }
  if (!graph.is(values, Kind::kTuple)) return;
  const auto attributes = [&](NodeId part) { return graph.is(part, Kind::kDict) || graph.is(part, Kind::kNone); };
  const std::span<const NodeId> children = graph.children(values);
  if (children.size() == 2 && attributes(children[0]) && attributes(children[1])) return;  // they have names
  context_.opcodes += graph.children(values).size();
  parts.items = context_.graph.CopyAs(Kind::kList, values);
  context_.graph.SetRecord(record, parts);
}

}  // namespace airlock::tensors
