// What the constructions of Python's own classes share, and the functions that carry each out. Internal to
// sandbox/pickle: the way in is python_types.h, whose table says which class goes to which function.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "sandbox/pickle/machine.h"
#include "sandbox/pickle/suspicion.h"

namespace airlock::pickle {

// One construction at work.
class Maker {
 public:
  Maker(Context& context, const Call& asked) : graph(context.graph), call(asked), context_(context) {}

  Graph& graph;
  const Call& call;

  // What the call is given. Valid until the next node is made.
  std::span<const NodeId> args() const { return graph.children(call.args); }
  // kNoNode where there are not so many.
  NodeId arg(size_t index) const { return index < args().size() ? args()[index] : kNoNode; }

  bool IsText(NodeId node) const { return graph.is(node, Kind::kString); }
  bool IsNone(NodeId node) const { return graph.is(node, Kind::kNone); }
  bool IsInteger(NodeId node) const { return graph.is(node, Kind::kInt) || graph.is(node, Kind::kBigInt); }
  bool IsNegative(NodeId integer) const;
  // Integers that fit 64 bits.
  std::optional<int64_t> Integer(NodeId node) const;
  bool IsList(NodeId node) const { return graph.is(node, Kind::kList) || graph.is(node, Kind::kTuple); }
  bool IsDict(NodeId node) const { return graph.is(node, Kind::kDict); }
  // A class or function, or a record of what gave one (a partial, a bound method).
  bool IsCallable(NodeId node) const { return graph.is(node, Kind::kSymbol) || graph.is(node, Kind::kRecord); }
  // What the table says of the symbol that `node` is; kNone for anything else.
  Builder BuilderOf(NodeId node) const;
  // "module.name", or nothing.
  std::string_view ModuleOf(NodeId symbol) const;
  std::string_view NameOf(NodeId symbol) const;
  // A record whose callee is a known symbol of this builder.
  bool IsRecordOf(NodeId node, Builder builder) const;
  // Up to `most` bytes: of a bytes node, or of a Python 2 str that was taken for text. Nothing for anything else.
  std::optional<std::string_view> ShortBytes(NodeId node, size_t most) const;
  // A dict all of whose keys are text: attributes by name.
  bool IsAttributes(NodeId node);

  // Counts work that the stream does not pay for with bytes.
  void Charge(uint64_t units) { context_.opcodes += units; }
  Result<NodeId> Copy(Kind kind, NodeId container);
  Result<NodeId> Text(Kind kind, std::string_view text);
  // Whether a string so long may be made.
  Result<void> CheckString(uint64_t length) const;
  Result<void> CheckHashable(NodeId node) const;

  // The record of this call, by default with the arguments as they are.
  NodeId Record() { return Record({.args = call.args}); }
  NodeId Record(RecordParts parts);

 private:
  Context& context_;
};

// What a call makes; kNoNode for arguments that are not understood.
using Make = Result<NodeId>(Maker&);
// What a BUILD of a record does; false, and nothing done, for a state that is not understood.
using Complete = Result<bool>(Maker&, NodeId record, NodeId state);
// Whether a record has, at the end, what the class always has.
using Finished = bool(const Graph&, NodeId record);

// python_containers.cc
Make MakeList, MakeTuple, MakeSet, MakeFrozenSet, MakeDict, MakeOrderedDict, MakeDefaultDict, MakeCounter, MakeDeque;
Finished FitsItsLength;
// python_text.cc
Make MakeBytes, MakeByteArray, MakeEncoded, MakePath, MakePattern;
// python_numbers.cc
Make MakeComplex, MakeDecimal, MakeFraction, MakeRange, MakeSlice, MakeNumberArray, MakeNumberArrayFromBytes;
// python_dates.cc
Make MakeDate, MakeDateTime, MakeTime, MakeTimeDelta, MakeTimeZone;
// python_objects.cc
Make MakeEmpty, MakeAny, MakeOneValue, MakePartial, MakeTypeOf, MakeAlias, MakeUnion, MakeFlagUnion;
Complete KeepAttributes, KeepSlots, KeepAny, KeepUuid, KeepRandomState, CompletePartial;
Finished HasState;

}  // namespace airlock::pickle
