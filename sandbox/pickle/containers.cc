// Handlers of the stack, the memo and the containers.
#include <string>

#include "sandbox/pickle/interpreter.h"
#include "sandbox/pickle/python_types.h"
#include "sandbox/pickle/text_arguments.h"

namespace airlock::pickle {

Result<void> Interpreter::Mark() {
  stack_.PushMark();
  return {};
}

// A mark that stands on top is what POP takes, as in CPython.
Result<void> Interpreter::Pop() {
  if (stack_.within() > 0) {
    stack_.Drop();
    return {};
  }
  if (!stack_.has_mark()) return Underflow();
  stack_.PopMark();
  return {};
}

Result<void> Interpreter::PopMark() {
  if (!stack_.has_mark()) return NoMark();
  stack_.Drop(stack_.PopMark());
  return {};
}

Result<void> Interpreter::Duplicate() {
  if (stack_.within() == 0) return Underflow();
  return Push(stack_.Top());
}

Result<void> Interpreter::Get() {
  const NodeId node = memo_.Get(number_);
  if (node == kNoNode) return NoMemoEntry();
  return Push(node);
}

Result<void> Interpreter::TextGet() {
  const auto key = ParseMemoKey(first_);
  if (!key) return Malformed("not a memo number");
  number_ = *key;
  return Get();
}

Result<void> Interpreter::Put() {
  if (stack_.within() == 0) return Underflow();
  memo_.Put(number_, stack_.Top());
  return {};
}

Result<void> Interpreter::Memoize() {
  number_ = memo_.count();
  return Put();
}

Result<void> Interpreter::TextPut() {
  const auto key = ParseMemoKey(first_);
  if (!key) return Malformed("not a memo number");
  number_ = *key;
  return Put();
}

Result<void> Interpreter::EmptyList() { return Push(graph_.Container(Kind::kList, {})); }
Result<void> Interpreter::EmptyTuple() { return Push(graph_.EmptyTuple()); }
Result<void> Interpreter::EmptyDict() { return Push(graph_.Container(Kind::kDict, {})); }
Result<void> Interpreter::EmptySet() { return Push(graph_.Container(Kind::kSet, {})); }

Result<void> Interpreter::ListToMark() {
  if (!stack_.has_mark()) return NoMark();
  const size_t count = stack_.PopMark();
  return ReplaceLast(count, graph_.Container(Kind::kList, stack_.Last(count)));
}

Result<void> Interpreter::TupleOf(size_t count) {
  if (stack_.within() < count) return Underflow();
  if (count == 0) return EmptyTuple();
  return ReplaceLast(count, graph_.Container(Kind::kTuple, stack_.Last(count)));
}

Result<void> Interpreter::TupleToMark() {
  if (!stack_.has_mark()) return NoMark();
  return TupleOf(stack_.PopMark());
}

Result<void> Interpreter::Tuple1() { return TupleOf(1); }
Result<void> Interpreter::Tuple2() { return TupleOf(2); }
Result<void> Interpreter::Tuple3() { return TupleOf(3); }

Result<void> Interpreter::CheckHashable(std::span<const NodeId> nodes, size_t step) const {
  for (size_t i = 0; i < nodes.size(); i += step) {
    if (graph_.hashable(nodes[i])) continue;
    return Malformed("a " + std::string(KindName(graph_.kind(nodes[i]))) + " cannot be a key or a member");
  }
  return {};
}

Result<void> Interpreter::DictToMark() {
  if (!stack_.has_mark()) return NoMark();
  const size_t count = stack_.PopMark();
  if (count % 2 != 0) return Malformed("a key without a value");
  AIRLOCK_TRY(CheckHashable(stack_.Last(count), 2));
  return ReplaceLast(count, graph_.Container(Kind::kDict, stack_.Last(count)));
}

Result<void> Interpreter::FrozenSetToMark() {
  if (!stack_.has_mark()) return NoMark();
  const size_t count = stack_.PopMark();
  AIRLOCK_TRY(CheckHashable(stack_.Last(count), 1));
  return ReplaceLast(count, graph_.Container(Kind::kFrozenSet, stack_.Last(count)));
}

void Interpreter::AddToRecord(NodeId record, Contents contents, std::span<const NodeId> children) {
  const Builder builder = PythonBuilder(record);
  if (builder != Builder::kNone) CheckContents(context_, builder, record, contents, offset_);
  suspicion_.Filled(record, offset_);
  const bool pairs = contents == Contents::kPairs;
  RecordParts parts = graph_.record(record);
  NodeId& part = pairs ? parts.pairs : parts.items;
  if (part != kNoNode) {
    graph_.Append(part, children);
    return;
  }
  part = graph_.Container(pairs ? Kind::kDict : Kind::kList, children);
  graph_.SetRecord(record, parts);
}

// What the opcodes that fill a container ask of it and of what they fill it with.
struct Interpreter::Filling {
  // What is no record takes them as they are.
  Kind kind;
  Kind or_kind;
  Contents contents;
  // One of so many has to be hashable; 0: none has.
  size_t hashed;
  std::string_view what;
};

namespace {

constexpr Interpreter::Filling kAppend = {Kind::kList, Kind::kList, Contents::kItems, 0, "items"};
constexpr Interpreter::Filling kSet = {Kind::kDict, Kind::kOrderedDict, Contents::kPairs, 2, "keys"};
constexpr Interpreter::Filling kAdd = {Kind::kSet, Kind::kSet, Contents::kItems, 1, "members"};

}  // namespace

Result<void> Interpreter::AppendOne() { return FillBelow(1, kAppend); }
Result<void> Interpreter::AppendToMark() { return FillBelowMark(kAppend); }
Result<void> Interpreter::SetItem() { return FillBelow(2, kSet); }
Result<void> Interpreter::SetItemsToMark() { return FillBelowMark(kSet); }
Result<void> Interpreter::AddItemsToMark() { return FillBelowMark(kAdd); }

Result<void> Interpreter::FillBelowMark(const Filling& filling) {
  if (!stack_.has_mark()) return NoMark();
  return FillBelow(stack_.PopMark(), filling);
}

Result<void> Interpreter::FillBelow(size_t count, const Filling& filling) {
  if (stack_.within() < count + 1) return Underflow();
  if (count == 0) return {};
  if (filling.contents == Contents::kPairs && count % 2 != 0) return Malformed("a key without a value");
  const std::span<const NodeId> children = stack_.Last(count);
  if (filling.hashed > 0) AIRLOCK_TRY(CheckHashable(children, filling.hashed));
  const NodeId target = stack_.Top(count);
  const Kind kind = graph_.kind(target);
  if (kind == filling.kind || kind == filling.or_kind) {
    graph_.Append(target, children);
  } else if (kind == Kind::kRecord || kind == Kind::kSymbol) {
    if (kind == Kind::kSymbol) ChangeSymbol(target);
    AddToRecord(target, filling.contents, children);
  } else {
    suspicion_.Handed(target);  // a method that it brings along would be called
    return Malformed("a " + std::string(KindName(kind)) + " takes no " + std::string(filling.what));
  }
  stack_.Drop(count);
  return {};
}

}  // namespace airlock::pickle
