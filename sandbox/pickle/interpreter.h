// Interpreter: the state of one stream, and one handler for each kind of opcode. Internal to sandbox/pickle; the way in
// is Decode (machine.h). The handlers stand in literals.cc, containers.cc and calls.cc, the loops in machine.cc and
// simple_opcodes.cc.
#pragma once

#include <bit>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sandbox/pickle/integers.h"
#include "sandbox/pickle/machine.h"
#include "sandbox/pickle/memo.h"
#include "sandbox/pickle/opcodes.h"
#include "sandbox/pickle/python_types.h"
#include "sandbox/pickle/recent_names.h"
#include "sandbox/pickle/stack.h"
#include "sandbox/pickle/suspicion.h"

namespace airlock::pickle {

class Interpreter {
 public:
  Interpreter(Context& context, Constructor& constructor, Source& source, uint32_t level);

  // To STOP, or to the first error.
  Result<NodeId> Run();

  // One opcode: kOpcodes has one of these for each.
  template <Argument kArgument, Result<void> (Interpreter::*kHandler)()>
  static Result<void> Execute(Interpreter& self) {
    if constexpr (kHandler == &Interpreter::Global) {
      if (self.PushRecentName()) return {};
    }
    if constexpr (kArgument != Argument::kNone) AIRLOCK_TRY(self.ReadArgument(kArgument));
    return (self.*kHandler)();
  }

  // Handlers. Each finds its opcode's argument in number_, first_ and second_.
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

  // How opcodes fill a container: rows of containers.cc.
  struct Filling;

 private:
  // No opcode that calls nothing adds more nodes, stack and memo entries together.
  static constexpr uint64_t kMostAdded = 8;

  Result<void> RunToStop();
  // As many simple opcodes as come (simple_opcodes.cc).
  void RunSimple();
  const uint8_t* TakeSimple(const uint8_t* at, size_t available);
  bool GetSimple(uint64_t key);
  bool PutSimple(uint64_t key);
  bool TupleSimple(size_t count);
  bool PushSimpleText(std::string_view text);
  bool PushSimpleLong(const uint8_t* at, size_t length);
  Result<void> Step();
  // At the end, after an error too.
  void Conclude();
  Result<void> LeaveFrame();
  // Bytes that are no opcodes may follow the end of a frame. `behind`: where the opcodes went on before.
  Result<void> LeaveFrameFor(uint64_t behind);
  // Looks at the limits that opcodes reach step by step, and says when to look again.
  Result<void> LookAtLimits();
  // The same where another opcode is to come.
  Result<void> LookBeforeStep();
  // What is made now is not counted: the limits are looked at before the next opcode.
  void LookSoon() { look_at_ = 0; }

  Result<void> ReadArgument(Argument argument);
  Result<void> ReadNumber(size_t width);
  Result<void> ReadSized(size_t width, bool is_signed);
  bool StaysInFile() const;
  Result<void> PassBytes();
  Result<void> ReadBytes(uint64_t length);
  Result<void> ReadLine(std::string_view& line);
  Result<void> ReadTwoLines();
  // Whether there is room for a string so long.
  bool HasRoomForText(uint64_t length) const {
    const uint64_t limit = context_.limits.string_bytes;
    return length <= limit && graph_.string_bytes() <= limit - length;
  }
  Result<void> CheckText(uint64_t length) const { return HasRoomForText(length) ? Result<void>() : FailText(length); }
  Result<void> FailText(uint64_t length) const;

  // Boxed, so that the handlers have no error on their stacks when there is none.
  BoxedError<Error> Malformed(std::string_view what) const;
  BoxedError<Error> Underflow() const { return Malformed("too few objects above the last mark"); }
  BoxedError<Error> NoMemoEntry() const;
  BoxedError<Error> NoMark() const { return Malformed("no mark on the stack"); }
  Result<void> Push(NodeId node) {
    stack_.Push(node);
    return {};
  }
  Result<NodeId> Persistent(NodeId id);
  Result<void> PushText(Kind kind, std::string_view text);
  Result<void> PushByteString(Kind kind);
  Result<void> PushTwosComplement(std::string_view bytes);
  // Replaces the top `count` objects.
  Result<void> ReplaceLast(size_t count, NodeId node) {
    stack_.ReplaceLast(count, node);
    return {};
  }
  Result<void> TupleOf(size_t count);
  // The object below the top `count` objects, or below those above the mark, takes those.
  Result<void> FillBelow(size_t count, const Filling& filling);
  Result<void> FillBelowMark(const Filling& filling);
  Result<void> CheckHashable(std::span<const NodeId> nodes, size_t step) const;
  // Of a record whose class is one of Python's own that the table knows; else kNone.
  Builder PythonBuilder(NodeId record) const;
  // REQUIRES: `contents` is not kNothing.
  void AddToRecord(NodeId record, Contents contents, std::span<const NodeId> children);

  Result<NodeId> SymbolNode(std::string_view module, std::string_view name);
  Result<NodeId> NodeOf(uint32_t symbol);
  // Whether the stream goes on with a name that it has used a moment ago; then that is pushed.
  bool PushRecentName();
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
  // A class is one object, however often it is named. A table by symbol would cost each of many streams as much as all
  // of them name; the same holds wherever a stream remembers symbols.
  std::unordered_map<uint32_t, NodeId> symbol_nodes_;

  RecentNames recent_names_;

  uint64_t look_at_ = 0;  // the number of opcodes from which LookBeforeStep has to look again
  const uint64_t start_;
  const NodeId first_node_;
  const size_t first_kept_;  // of the dicts that objects of this stream keep
  uint64_t offset_ = 0;      // of the opcode at work
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

// Inline: Execute knows which argument it wants.
inline Result<void> Interpreter::ReadArgument(Argument argument) {
  switch (argument) {
    case Argument::kNone:
      return {};
    case Argument::kUInt1:
      return ReadNumber(1);
    case Argument::kUInt2:
      return ReadNumber(2);
    case Argument::kUInt4:
      return ReadNumber(4);
    case Argument::kInt4:
      AIRLOCK_TRY(ReadNumber(4));
      number_ = static_cast<uint64_t>(int64_t{static_cast<int32_t>(number_)});
      return {};
    case Argument::kUInt8:
    case Argument::kFloat8:
      return ReadNumber(8);
    case Argument::kLine:
      AIRLOCK_TRY(ReadLine(first_));
      return {};
    case Argument::kTwoLines:
      return ReadTwoLines();
    case Argument::kBytes1:
      return ReadSized(1, false);
    case Argument::kBytes4:
      return ReadSized(4, false);
    case Argument::kSignedBytes4:
      return ReadSized(4, true);
    case Argument::kBytes8:
      return ReadSized(8, false);
  }
  return {};
}

static_assert(std::endian::native == std::endian::little, "numbers are read as they stand");

inline Result<void> Interpreter::ReadNumber(size_t width) {
  if (source_.available() < sizeof(number_)) {
    AIRLOCK_TRY(source_.Need(width));
    number_ = 0;
    std::memcpy(&number_, source_.peek(), width);
  } else {
    // The usual case: eight bytes at once, and away with those that are too many.
    std::memcpy(&number_, source_.peek(), sizeof(number_));
    number_ &= UINT64_MAX >> (64 - 8 * width);
  }
  source_.Skip(width);
  return {};
}

}  // namespace airlock::pickle
