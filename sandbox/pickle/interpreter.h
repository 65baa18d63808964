// Interpreter: the state of one stream, and one handler for each kind of opcode. Internal to sandbox/pickle; the way in
// is Decode (machine.h). The handlers stand in literals.cc, containers.cc and calls.cc, the loop in machine.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/pickle/machine.h"
#include "sandbox/pickle/memo.h"
#include "sandbox/pickle/opcodes.h"
#include "sandbox/pickle/stack.h"
#include "sandbox/pickle/suspicion.h"

namespace airlock::pickle {

class Interpreter {
 public:
  Interpreter(Context& context, Constructor& constructor, Source& source, uint32_t level);

  // To STOP, or to the first error.
  Result<NodeId> Run();

  // Handlers. Each finds its opcode's argument in number_, real_, first_ and second_.
  Result<void> Invalid();
  Result<void> Proto();
  Result<void> Frame();
  Result<void> Stop();

  Result<void> PushNone();
  Result<void> PushTrue();
  Result<void> PushFalse();
  Result<void> PushInt();
  Result<void> PushTextInt();
  Result<void> PushLong();
  Result<void> PushTextLong();
  Result<void> PushFloat();
  Result<void> PushTextFloat();
  Result<void> PushString();
  Result<void> PushTextString();
  Result<void> PushUnicode();
  Result<void> PushTextUnicode();
  Result<void> PushBytes();
  Result<void> PushByteArray();
  Result<void> NextBuffer();
  Result<void> ReadonlyBuffer();

  Result<void> Mark();
  Result<void> Pop();
  Result<void> PopMark();
  Result<void> Duplicate();
  Result<void> Get();
  Result<void> TextGet();
  Result<void> Put();
  Result<void> TextPut();
  Result<void> Memoize();
  Result<void> EmptyList();
  Result<void> EmptyTuple();
  Result<void> EmptyDict();
  Result<void> EmptySet();
  Result<void> ListToMark();
  Result<void> TupleToMark();
  Result<void> Tuple1();
  Result<void> Tuple2();
  Result<void> Tuple3();
  Result<void> DictToMark();
  Result<void> FrozenSetToMark();
  Result<void> AppendOne();
  Result<void> AppendToMark();
  Result<void> SetItem();
  Result<void> SetItemsToMark();
  Result<void> AddItemsToMark();

  Result<void> Global();
  Result<void> StackGlobal();
  Result<void> Extension();
  Result<void> Reduce();
  Result<void> NewObject();
  Result<void> NewObjectEx();
  Result<void> Instance();
  Result<void> Object();
  Result<void> Build();
  Result<void> TextPersistentId();
  Result<void> PersistentId();

 private:
  Result<void> Step();
  Result<void> LeaveFrame();
  // Bytes that are no opcodes may follow the end of a frame. `behind`: where the opcodes went on before.
  Result<void> LeaveFrameFor(uint64_t behind);
  bool OverLimit() const;
  Result<void> FailOverLimit() const;

  Result<void> ReadArgument(Argument argument);
  Result<void> ReadNumber(size_t width);
  Result<void> ReadShort();
  Result<void> ReadSized(size_t width, bool is_signed);
  bool StaysInFile() const;
  Result<void> PassBytes();
  Result<void> ReadBytes(uint64_t length);
  Result<void> ReadLine(std::string_view& line);
  Result<void> ReadTwoLines();
  // Whether there is room for a string so long.
  Result<void> CheckText(uint64_t length) const {
    const uint64_t limit = context_.limits.string_bytes;
    return length <= limit && graph_.string_bytes() <= limit - length ? Result<void>() : FailText(length);
  }
  Result<void> FailText(uint64_t length) const;

  Unexpected<Error> Malformed(std::string_view what) const;
  Unexpected<Error> Underflow() const { return Malformed("too few objects above the last mark"); }
  Unexpected<Error> NoMark() const { return Malformed("no mark on the stack"); }
  Result<void> Push(NodeId node) {
    stack_.Push(node);
    return {};
  }
  Result<void> PushText(Kind kind, std::string_view text);
  Result<void> PushByteString(Kind kind);
  Result<void> PushTwosComplement(std::string_view bytes);
  // Replaces the top `count` objects.
  Result<void> ReplaceLast(size_t count, NodeId node);
  Result<void> TupleOf(size_t count);
  // The object below the top `count` objects takes those.
  Result<void> AppendLast(size_t count);
  Result<void> SetLast(size_t count);
  Result<void> AddLast(size_t count);
  Result<void> CheckHashable(std::span<const NodeId> nodes, size_t step) const;
  void AddItems(NodeId record, std::span<const NodeId> children);
  void AddPairs(NodeId record, std::span<const NodeId> children);
  // Of a record whose class is one of Python's own that the table knows; else kNone.
  Builder PythonBuilder(NodeId record) const;
  void AddToRecord(NodeId record, NodeId RecordParts::*part, Kind kind, std::span<const NodeId> children);

  Result<NodeId> SymbolNode(std::string_view module, std::string_view name);
  Result<NodeId> Invoke(const Call& call);
  Result<NodeId> InvokeDirectly(const Call& call);
  Result<void> Fill(NodeId node, NodeId contents);
  void ReportNotMade(uint32_t symbol);
  Result<NodeId> ConstructKnown(const Call& call);
  Result<NodeId> LoadStream(const Call& call, Loader loader);
  Result<void> BuildOn(NodeId object, NodeId state);
  Result<void> BuildRecord(NodeId record, NodeId state);
  Result<void> BuildPlain(NodeId object, NodeId state);
  void JudgeKept(NodeId state);
  void ChangeSymbol(NodeId node);
  Result<void> BuildOrderedDict(NodeId object, NodeId state);
  Result<void> MergeAttributes(NodeId object, NodeId state);
  void AddState(NodeId record, NodeId state);
  // Lets the Constructor see a record of its own that now has its state.
  Result<void> CompleteRecord(NodeId record, NodeId state);

  Context& context_;
  Graph& graph_;
  Constructor& constructor_;
  Source& source_;
  const uint32_t level_;
  Suspicion suspicion_;
  Stack stack_;
  Memo memo_;
  std::vector<NodeId> symbol_nodes_;  // by symbol: a class is one object, however often it is named

  const uint64_t start_;
  const NodeId first_node_;
  uint64_t offset_ = 0;  // of the opcode at work
  const Opcode* opcode_ = nullptr;
  uint64_t frame_end_ = UINT64_MAX;  // none
  NodeId result_ = kNoNode;
  bool told_of_late_proto_ = false;
  bool told_of_python2_bytes_ = false;
  bool finishes_later_ = false;  // some record is to be looked at in the end

  uint64_t number_ = 0;
  std::string_view first_;  // in the source's window or in scratch_
  std::string_view second_;
  std::optional<InputSpan> span_;  // instead of first_: a byte string that stays in the file
  std::string scratch_;
  std::string second_scratch_;
};

}  // namespace airlock::pickle
