// Objects that carry attributes, exceptions, enum members, partials, and what stands for types.
#include <algorithm>
#include <iterator>
#include <vector>

#include "sandbox/pickle/python_builders.h"

namespace airlock::pickle {
namespace {

void SetState(Maker& m, NodeId record, NodeId state) {
  RecordParts parts = m.graph.record(record);
  parts.state = state;
  m.graph.SetRecord(record, parts);
}

// The value of a text key, or kNoNode. REQUIRES: IsAttributes(dict).
NodeId Attribute(const Maker& m, NodeId dict, std::string_view name) {
  const auto children = m.graph.children(dict);
  for (size_t i = 0; i < children.size(); i += 2) {
    if (m.graph.text(children[i]) == name) return children[i + 1];
  }
  return kNoNode;
}

// Bytes of a number that is not negative, without the one that only has its sign.
size_t ShortestUnsigned(std::string_view twos_complement) {
  return twos_complement.size() - (twos_complement.back() == 0 ? 1 : 0);
}

bool IsEnumMember(const Maker& m, NodeId node) { return m.graph.is(node, Kind::kRecord); }

// A class, or a record of what stands for one (type(None), another alias).
bool IsType(const Maker& m, NodeId node) {
  return m.IsCallable(node) || m.IsText(node) || m.IsNone(node) || m.graph.is(node, Kind::kDType);
}

}  // namespace

Result<NodeId> MakeEmpty(Maker& m) { return m.args().empty() ? m.Record() : kNoNode; }
Result<NodeId> MakeAny(Maker& m) { return m.Record(); }
Result<NodeId> MakeOneValue(Maker& m) { return m.args().size() == 1 ? m.Record() : kNoNode; }

Result<bool> KeepAttributes(Maker& m, NodeId record, NodeId state) {
  if (!m.IsAttributes(state)) return false;
  SetState(m, record, state);
  return true;
}

// (None or attributes, slots by name)
Result<bool> KeepSlots(Maker& m, NodeId record, NodeId state) {
  if (!m.graph.is(state, Kind::kTuple) || m.graph.children(state).size() != 2) return false;
  const NodeId attributes = m.graph.children(state)[0];
  const NodeId slots = m.graph.children(state)[1];
  if ((!m.IsNone(attributes) && !m.IsAttributes(attributes)) || !m.IsAttributes(slots)) return false;
  SetState(m, record, state);
  return true;
}

// Whatever a plain class gives for its state: attributes, (attributes, slots), or its fields in order.
Result<bool> KeepAny(Maker& m, NodeId record, NodeId state) {
  if (!m.IsList(state) && !m.IsAttributes(state)) return false;
  SetState(m, record, state);
  return true;
}

bool HasState(const Graph& graph, NodeId record) { return graph.record(record).state != kNoNode; }

// {"int": 0 to 2^128 - 1}, and "is_safe" where the system had said so.
Result<bool> KeepUuid(Maker& m, NodeId record, NodeId state) {
  constexpr size_t kBytes = 16;
  if (!m.IsAttributes(state) || m.graph.children(state).size() > 4) return false;
  const NodeId number = Attribute(m, state, "int");
  if (!m.IsInteger(number) || m.IsNegative(number)) return false;
  if (!m.Integer(number) && ShortestUnsigned(m.graph.text(number)) > kBytes) return false;
  if (m.graph.children(state).size() == 4 && Attribute(m, state, "is_safe") == kNoNode) return false;
  SetState(m, record, state);
  return true;
}

// (version, the generator's words, the next value of gauss())
Result<bool> KeepRandomState(Maker& m, NodeId record, NodeId state) {
  if (!m.graph.is(state, Kind::kTuple) || m.graph.children(state).size() != 3) return false;
  const auto parts = m.graph.children(state);
  if (!m.Integer(parts[0]) || !m.graph.is(parts[1], Kind::kTuple)) return false;
  if (!m.IsNone(parts[2]) && !m.graph.is(parts[2], Kind::kFloat)) return false;
  const auto words = m.graph.children(parts[1]);
  m.Charge(words.size());
  if (!std::ranges::all_of(words, [&](NodeId word) { return m.IsInteger(word); })) return false;
  SetState(m, record, state);
  return true;
}

// (function,), which its state repeats.
Result<NodeId> MakePartial(Maker& m) { return m.args().size() == 1 && m.IsCallable(m.arg(0)) ? m.Record() : kNoNode; }

// (function, arguments, keyword arguments, attributes): the record gets what partial() would have been given.
Result<bool> CompletePartial(Maker& m, NodeId record, NodeId state) {
  if (!m.graph.is(state, Kind::kTuple) || m.graph.children(state).size() != 4) return false;
  const NodeId function = m.graph.children(state)[0];
  const NodeId args = m.graph.children(state)[1];
  const NodeId kwargs = m.graph.children(state)[2];
  const NodeId attributes = m.graph.children(state)[3];
  RecordParts parts = m.graph.record(record);
  if (parts.kwargs != kNoNode || m.args().size() != 1 || m.arg(0) != function) return false;
  if (!m.graph.is(args, Kind::kTuple) || (!m.IsNone(kwargs) && !m.IsAttributes(kwargs))) return false;
  if (!m.IsNone(attributes) && !m.IsAttributes(attributes)) return false;
  const auto given = m.graph.children(args);
  m.Charge(given.size());
  std::vector<NodeId> all = {function};
  std::ranges::copy(given, std::back_inserter(all));
  parts.args = m.graph.Container(Kind::kTuple, all);
  if (!m.IsNone(kwargs) && !m.graph.children(kwargs).empty()) parts.kwargs = kwargs;
  if (!m.IsNone(attributes)) parts.state = attributes;
  m.graph.SetRecord(record, parts);
  return true;
}

// type(None), type(Ellipsis), type(NotImplemented): classes without a name of their own.
Result<NodeId> MakeTypeOf(Maker& m) {
  if (m.args().size() != 1) return kNoNode;
  const std::string_view name = m.ModuleOf(m.arg(0)) == "builtins" ? m.NameOf(m.arg(0)) : "";
  const bool constant = m.IsNone(m.arg(0)) || name == "Ellipsis" || name == "NotImplemented";
  return constant ? m.Record() : kNoNode;
}

// operator.getitem(typing.Dict, (str, int)) for typing.Dict[str, int]; types.GenericAlias(dict, (str, int)).
Result<NodeId> MakeAlias(Maker& m) {
  if (m.args().size() != 2) return kNoNode;
  const bool of_typing = m.ModuleOf(m.arg(0)) == "typing";
  const bool of_class = m.NameOf(m.call.callee) == "GenericAlias" && m.graph.is(m.arg(0), Kind::kSymbol);
  return of_typing || of_class ? m.Record() : kNoNode;
}

// functools.reduce(operator.or_, (int, str)) for int | str
Result<NodeId> MakeUnion(Maker& m) {
  if (m.args().size() != 2 || m.BuilderOf(m.arg(0)) != Builder::kFlagUnion) return kNoNode;
  if (!m.graph.is(m.arg(1), Kind::kTuple)) return kNoNode;
  const auto types = m.graph.children(m.arg(1));
  m.Charge(types.size());
  return std::ranges::all_of(types, [&](NodeId type) { return IsType(m, type); }) ? m.Record() : kNoNode;
}

// operator.or_(Flag.A, Flag.B)
Result<NodeId> MakeFlagUnion(Maker& m) {
  const bool members = m.args().size() == 2 && IsEnumMember(m, m.arg(0)) && IsEnumMember(m, m.arg(1));
  return members ? m.Record() : kNoNode;
}

}  // namespace airlock::pickle
