// Handlers of the stack, the memo and the containers.
#include <string>

#include "sandbox/pickle/interpreter.h"
#include "sandbox/pickle/python_types.h"
#include "sandbox/pickle/text_arguments.h"

namespace airlock::pickle {

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

Result<void> Interpreter::TextGet() {
  const auto key = ParseMemoKey(first_);
  if (!key) return Malformed("not a memo number");
  number_ = *key;
  return Get();
}

Result<void> Interpreter::TextPut() {
  const auto key = ParseMemoKey(first_);
  if (!key) return Malformed("not a memo number");
  number_ = *key;
  return Put();
}

Result<void> Interpreter::EmptyList() { return Push(graph_.Container(Kind::kList, {})); }
Result<void> Interpreter::EmptyTuple() { return Push(graph_.Container(Kind::kTuple, {})); }
Result<void> Interpreter::EmptyDict() { return Push(graph_.Container(Kind::kDict, {})); }
Result<void> Interpreter::EmptySet() { return Push(graph_.Container(Kind::kSet, {})); }

Result<void> Interpreter::ReplaceLast(size_t count, NodeId node) {
  stack_.Drop(count);
  return Push(node);
}

Result<void> Interpreter::ListToMark() {
  if (!stack_.has_mark()) return NoMark();
  const size_t count = stack_.PopMark();
  return ReplaceLast(count, graph_.Container(Kind::kList, stack_.Last(count)));
}

Result<void> Interpreter::TupleOf(size_t count) {
  if (stack_.within() < count) return Underflow();
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

void Interpreter::AddToRecord(NodeId record, NodeId RecordParts::*part, Kind kind, std::span<const NodeId> children) {
  suspicion_.Filled(record, offset_);
  RecordParts parts = graph_.record(record);
  if (parts.*part != kNoNode) {
    graph_.Append(parts.*part, children);
    return;
  }
  parts.*part = graph_.Container(kind, children);
  graph_.SetRecord(record, parts);
}

void Interpreter::AddItems(NodeId record, std::span<const NodeId> children) {
  const Builder builder = PythonBuilder(record);
  if (builder != Builder::kNone) CheckContents(context_, builder, record, Contents::kItems, offset_);
  AddToRecord(record, &RecordParts::items, Kind::kList, children);
}

void Interpreter::AddPairs(NodeId record, std::span<const NodeId> children) {
  const Builder builder = PythonBuilder(record);
  if (builder != Builder::kNone) CheckContents(context_, builder, record, Contents::kPairs, offset_);
  AddToRecord(record, &RecordParts::pairs, Kind::kDict, children);
}

Result<void> Interpreter::AppendOne() { return AppendLast(1); }

Result<void> Interpreter::AppendToMark() {
  if (!stack_.has_mark()) return NoMark();
  return AppendLast(stack_.PopMark());
}

Result<void> Interpreter::AppendLast(size_t count) {
  if (stack_.within() < count + 1) return Underflow();
  if (count == 0) return {};
  const NodeId target = stack_.Top(count);
  switch (graph_.kind(target)) {
    case Kind::kList:
      graph_.Append(target, stack_.Last(count));
      break;
    case Kind::kSymbol:
      ChangeSymbol(target);
      [[fallthrough]];
    case Kind::kRecord:
      AddItems(target, stack_.Last(count));
      break;
    default:
      suspicion_.Handed(target);  // a method that it brings along would be called
      return Malformed("a " + std::string(KindName(graph_.kind(target))) + " takes no items");
  }
  stack_.Drop(count);
  return {};
}

Result<void> Interpreter::SetItem() { return SetLast(2); }

Result<void> Interpreter::SetItemsToMark() {
  if (!stack_.has_mark()) return NoMark();
  return SetLast(stack_.PopMark());
}

Result<void> Interpreter::SetLast(size_t count) {
  if (stack_.within() < count + 1) return Underflow();
  if (count == 0) return {};
  if (count % 2 != 0) return Malformed("a key without a value");
  const NodeId target = stack_.Top(count);
  AIRLOCK_TRY(CheckHashable(stack_.Last(count), 2));
  switch (graph_.kind(target)) {
    case Kind::kDict:
    case Kind::kOrderedDict:
      graph_.Append(target, stack_.Last(count));
      break;
    case Kind::kSymbol:
      ChangeSymbol(target);
      [[fallthrough]];
    case Kind::kRecord:
      AddPairs(target, stack_.Last(count));
      break;
    default:
      suspicion_.Handed(target);  // a method that it brings along would be called
      return Malformed("a " + std::string(KindName(graph_.kind(target))) + " takes no keys");
  }
  stack_.Drop(count);
  return {};
}

Result<void> Interpreter::AddItemsToMark() {
  if (!stack_.has_mark()) return NoMark();
  return AddLast(stack_.PopMark());
}

Result<void> Interpreter::AddLast(size_t count) {
  if (stack_.within() < count + 1) return Underflow();
  if (count == 0) return {};
  const NodeId target = stack_.Top(count);
  AIRLOCK_TRY(CheckHashable(stack_.Last(count), 1));
  switch (graph_.kind(target)) {
    case Kind::kSet:
      graph_.Append(target, stack_.Last(count));
      break;
    case Kind::kSymbol:
      ChangeSymbol(target);
      [[fallthrough]];
    case Kind::kRecord:
      AddItems(target, stack_.Last(count));
      break;
    default:
      suspicion_.Handed(target);  // a method that it brings along would be called
      return Malformed("a " + std::string(KindName(graph_.kind(target))) + " takes no members");
  }
  stack_.Drop(count);
  return {};
}

}  // namespace airlock::pickle
