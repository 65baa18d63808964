#include "sandbox/pickle/opcodes.h"

#include <algorithm>

#include "sandbox/pickle/interpreter.h"

namespace airlock::pickle {
namespace {

struct Row {
  uint8_t code;
  Opcode opcode;
};

using I = Interpreter;
using A = Argument;

constexpr bool kStaysInFile = true;

// One function for each pair of argument and handler: the argument is read without asking again what it is.
template <Argument kArgument, Result<void> (Interpreter::*kHandler)()>
constexpr Opcode Op(const char* name, uint8_t protocol, bool stays_in_file = false) {
  return {name, kArgument, protocol, &Interpreter::Execute<kArgument, kHandler>, stays_in_file};
}

constexpr Row kRows[] = {
    {'(', Op<A::kNone, &I::Mark>("MARK", 0)},
    {')', Op<A::kNone, &I::EmptyTuple>("EMPTY_TUPLE", 1)},
    {'.', Op<A::kNone, &I::Stop>("STOP", 0)},
    {'0', Op<A::kNone, &I::Pop>("POP", 0)},
    {'1', Op<A::kNone, &I::PopMark>("POP_MARK", 1)},
    {'2', Op<A::kNone, &I::Duplicate>("DUP", 0)},
    {'B', Op<A::kBytes4, &I::PushBytes>("BINBYTES", 3, kStaysInFile)},
    {'C', Op<A::kBytes1, &I::PushBytes>("SHORT_BINBYTES", 3)},
    {'F', Op<A::kLine, &I::PushTextFloat>("FLOAT", 0)},
    {'G', Op<A::kFloat8, &I::PushFloat>("BINFLOAT", 1)},
    {'I', Op<A::kLine, &I::PushTextInt>("INT", 0)},
    {'J', Op<A::kInt4, &I::PushInt>("BININT", 1)},
    {'K', Op<A::kUInt1, &I::PushInt>("BININT1", 1)},
    {'L', Op<A::kLine, &I::PushTextLong>("LONG", 0)},
    {'M', Op<A::kUInt2, &I::PushInt>("BININT2", 1)},
    {'N', Op<A::kNone, &I::PushNone>("NONE", 0)},
    {'P', Op<A::kLine, &I::TextPersistentId>("PERSID", 0)},
    {'Q', Op<A::kNone, &I::PersistentId>("BINPERSID", 1)},
    {'R', Op<A::kNone, &I::Reduce>("REDUCE", 0)},
    {'S', Op<A::kLine, &I::PushTextString>("STRING", 0)},
    {'T', Op<A::kSignedBytes4, &I::PushString>("BINSTRING", 1)},
    {'U', Op<A::kBytes1, &I::PushString>("SHORT_BINSTRING", 1)},
    {'V', Op<A::kLine, &I::PushTextUnicode>("UNICODE", 0)},
    {'X', Op<A::kBytes4, &I::PushUnicode>("BINUNICODE", 1)},
    {']', Op<A::kNone, &I::EmptyList>("EMPTY_LIST", 1)},
    {'a', Op<A::kNone, &I::AppendOne>("APPEND", 0)},
    {'b', Op<A::kNone, &I::Build>("BUILD", 0)},
    {'c', Op<A::kTwoLines, &I::Global>("GLOBAL", 0)},
    {'d', Op<A::kNone, &I::DictToMark>("DICT", 0)},
    {'e', Op<A::kNone, &I::AppendToMark>("APPENDS", 1)},
    {'g', Op<A::kLine, &I::TextGet>("GET", 0)},
    {'h', Op<A::kUInt1, &I::Get>("BINGET", 1)},
    {'i', Op<A::kTwoLines, &I::Instance>("INST", 0)},
    {'j', Op<A::kUInt4, &I::Get>("LONG_BINGET", 1)},
    {'l', Op<A::kNone, &I::ListToMark>("LIST", 0)},
    {'o', Op<A::kNone, &I::Object>("OBJ", 1)},
    {'p', Op<A::kLine, &I::TextPut>("PUT", 0)},
    {'q', Op<A::kUInt1, &I::Put>("BINPUT", 1)},
    {'r', Op<A::kUInt4, &I::Put>("LONG_BINPUT", 1)},
    {'s', Op<A::kNone, &I::SetItem>("SETITEM", 0)},
    {'t', Op<A::kNone, &I::TupleToMark>("TUPLE", 0)},
    {'u', Op<A::kNone, &I::SetItemsToMark>("SETITEMS", 1)},
    {'}', Op<A::kNone, &I::EmptyDict>("EMPTY_DICT", 1)},
    {0x80, Op<A::kUInt1, &I::Proto>("PROTO", 2)},
    {0x81, Op<A::kNone, &I::NewObject>("NEWOBJ", 2)},
    {0x82, Op<A::kUInt1, &I::Extension>("EXT1", 2)},
    {0x83, Op<A::kUInt2, &I::Extension>("EXT2", 2)},
    {0x84, Op<A::kInt4, &I::Extension>("EXT4", 2)},
    {0x85, Op<A::kNone, &I::Tuple1>("TUPLE1", 2)},
    {0x86, Op<A::kNone, &I::Tuple2>("TUPLE2", 2)},
    {0x87, Op<A::kNone, &I::Tuple3>("TUPLE3", 2)},
    {0x88, Op<A::kNone, &I::PushTrue>("NEWTRUE", 2)},
    {0x89, Op<A::kNone, &I::PushFalse>("NEWFALSE", 2)},
    {0x8a, Op<A::kBytes1, &I::PushLong>("LONG1", 2)},
    {0x8b, Op<A::kSignedBytes4, &I::PushLong>("LONG4", 2)},
    {0x8c, Op<A::kBytes1, &I::PushUnicode>("SHORT_BINUNICODE", 4)},
    {0x8d, Op<A::kBytes8, &I::PushUnicode>("BINUNICODE8", 4)},
    {0x8e, Op<A::kBytes8, &I::PushBytes>("BINBYTES8", 4, kStaysInFile)},
    {0x8f, Op<A::kNone, &I::EmptySet>("EMPTY_SET", 4)},
    {0x90, Op<A::kNone, &I::AddItemsToMark>("ADDITEMS", 4)},
    {0x91, Op<A::kNone, &I::FrozenSetToMark>("FROZENSET", 4)},
    {0x92, Op<A::kNone, &I::NewObjectEx>("NEWOBJ_EX", 4)},
    {0x93, Op<A::kNone, &I::StackGlobal>("STACK_GLOBAL", 4)},
    {0x94, Op<A::kNone, &I::Memoize>("MEMOIZE", 4)},
    {0x95, Op<A::kUInt8, &I::Frame>("FRAME", 4)},
    {0x96, Op<A::kBytes8, &I::PushByteArray>("BYTEARRAY8", 5, kStaysInFile)},
    {0x97, Op<A::kNone, &I::NextBuffer>("NEXT_BUFFER", 5)},
    {0x98, Op<A::kNone, &I::ReadonlyBuffer>("READONLY_BUFFER", 5)},
};

constexpr std::array<Opcode, 256> Spread() {
  std::array<Opcode, 256> table{};
  for (Opcode& slot : table) slot.execute = &I::Execute<A::kNone, &I::Invalid>;
  for (const Row& row : kRows) table[row.code] = row.opcode;
  return table;
}

constexpr std::array<Opcode, 256> kTable = Spread();

// pickletools.opcodes of CPython 3.11, by protocol 0 to 5.
constexpr std::array<int, 6> kOpcodesOfProtocol = {22, 19, 12, 2, 10, 3};

constexpr bool CountsMatch() {
  std::array<int, 6> counts{};
  for (const Opcode& opcode : kTable) {
    if (opcode.name != nullptr) ++counts[opcode.protocol];
  }
  return counts == kOpcodesOfProtocol;
}

static_assert(std::size(kRows) == 68, "one row for each opcode of CPython 3.11");
static_assert(CountsMatch(), "an opcode is missing, stands twice, or has the wrong protocol");
#ifndef __SANITIZE_ADDRESS__  // GCC 12 compares no function to null at compile time with -fsanitize=undefined
static_assert(std::ranges::all_of(kTable, [](const Opcode& opcode) { return opcode.execute != nullptr; }),
              "every byte is either an opcode or explicitly invalid");
#endif

}  // namespace

const std::array<Opcode, 256> kOpcodes = kTable;

}  // namespace airlock::pickle
