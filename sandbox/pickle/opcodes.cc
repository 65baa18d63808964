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

constexpr Row kRows[] = {
    {'(', {"MARK", A::kNone, 0, &I::Mark}},
    {')', {"EMPTY_TUPLE", A::kNone, 1, &I::EmptyTuple}},
    {'.', {"STOP", A::kNone, 0, &I::Stop}},
    {'0', {"POP", A::kNone, 0, &I::Pop}},
    {'1', {"POP_MARK", A::kNone, 1, &I::PopMark}},
    {'2', {"DUP", A::kNone, 0, &I::Duplicate}},
    {'B', {"BINBYTES", A::kBytes4, 3, &I::PushBytes}},
    {'C', {"SHORT_BINBYTES", A::kBytes1, 3, &I::PushBytes}},
    {'F', {"FLOAT", A::kLine, 0, &I::PushTextFloat}},
    {'G', {"BINFLOAT", A::kFloat8, 1, &I::PushFloat}},
    {'I', {"INT", A::kLine, 0, &I::PushTextInt}},
    {'J', {"BININT", A::kInt4, 1, &I::PushInt}},
    {'K', {"BININT1", A::kUInt1, 1, &I::PushInt}},
    {'L', {"LONG", A::kLine, 0, &I::PushTextLong}},
    {'M', {"BININT2", A::kUInt2, 1, &I::PushInt}},
    {'N', {"NONE", A::kNone, 0, &I::PushNone}},
    {'P', {"PERSID", A::kLine, 0, &I::TextPersistentId}},
    {'Q', {"BINPERSID", A::kNone, 1, &I::PersistentId}},
    {'R', {"REDUCE", A::kNone, 0, &I::Reduce}},
    {'S', {"STRING", A::kLine, 0, &I::PushTextString}},
    {'T', {"BINSTRING", A::kSignedBytes4, 1, &I::PushString}},
    {'U', {"SHORT_BINSTRING", A::kBytes1, 1, &I::PushString}},
    {'V', {"UNICODE", A::kLine, 0, &I::PushTextUnicode}},
    {'X', {"BINUNICODE", A::kBytes4, 1, &I::PushUnicode}},
    {']', {"EMPTY_LIST", A::kNone, 1, &I::EmptyList}},
    {'a', {"APPEND", A::kNone, 0, &I::AppendOne}},
    {'b', {"BUILD", A::kNone, 0, &I::Build}},
    {'c', {"GLOBAL", A::kTwoLines, 0, &I::Global}},
    {'d', {"DICT", A::kNone, 0, &I::DictToMark}},
    {'e', {"APPENDS", A::kNone, 1, &I::AppendToMark}},
    {'g', {"GET", A::kLine, 0, &I::TextGet}},
    {'h', {"BINGET", A::kUInt1, 1, &I::Get}},
    {'i', {"INST", A::kTwoLines, 0, &I::Instance}},
    {'j', {"LONG_BINGET", A::kUInt4, 1, &I::Get}},
    {'l', {"LIST", A::kNone, 0, &I::ListToMark}},
    {'o', {"OBJ", A::kNone, 1, &I::Object}},
    {'p', {"PUT", A::kLine, 0, &I::TextPut}},
    {'q', {"BINPUT", A::kUInt1, 1, &I::Put}},
    {'r', {"LONG_BINPUT", A::kUInt4, 1, &I::Put}},
    {'s', {"SETITEM", A::kNone, 0, &I::SetItem}},
    {'t', {"TUPLE", A::kNone, 0, &I::TupleToMark}},
    {'u', {"SETITEMS", A::kNone, 1, &I::SetItemsToMark}},
    {'}', {"EMPTY_DICT", A::kNone, 1, &I::EmptyDict}},
    {0x80, {"PROTO", A::kUInt1, 2, &I::Proto}},
    {0x81, {"NEWOBJ", A::kNone, 2, &I::NewObject}},
    {0x82, {"EXT1", A::kUInt1, 2, &I::Extension}},
    {0x83, {"EXT2", A::kUInt2, 2, &I::Extension}},
    {0x84, {"EXT4", A::kInt4, 2, &I::Extension}},
    {0x85, {"TUPLE1", A::kNone, 2, &I::Tuple1}},
    {0x86, {"TUPLE2", A::kNone, 2, &I::Tuple2}},
    {0x87, {"TUPLE3", A::kNone, 2, &I::Tuple3}},
    {0x88, {"NEWTRUE", A::kNone, 2, &I::PushTrue}},
    {0x89, {"NEWFALSE", A::kNone, 2, &I::PushFalse}},
    {0x8a, {"LONG1", A::kBytes1, 2, &I::PushLong}},
    {0x8b, {"LONG4", A::kSignedBytes4, 2, &I::PushLong}},
    {0x8c, {"SHORT_BINUNICODE", A::kBytes1, 4, &I::PushUnicode}},
    {0x8d, {"BINUNICODE8", A::kBytes8, 4, &I::PushUnicode}},
    {0x8e, {"BINBYTES8", A::kBytes8, 4, &I::PushBytes}},
    {0x8f, {"EMPTY_SET", A::kNone, 4, &I::EmptySet}},
    {0x90, {"ADDITEMS", A::kNone, 4, &I::AddItemsToMark}},
    {0x91, {"FROZENSET", A::kNone, 4, &I::FrozenSetToMark}},
    {0x92, {"NEWOBJ_EX", A::kNone, 4, &I::NewObjectEx}},
    {0x93, {"STACK_GLOBAL", A::kNone, 4, &I::StackGlobal}},
    {0x94, {"MEMOIZE", A::kNone, 4, &I::Memoize}},
    {0x95, {"FRAME", A::kUInt8, 4, &I::Frame}},
    {0x96, {"BYTEARRAY8", A::kBytes8, 5, &I::PushByteArray}},
    {0x97, {"NEXT_BUFFER", A::kNone, 5, &I::NextBuffer}},
    {0x98, {"READONLY_BUFFER", A::kNone, 5, &I::ReadonlyBuffer}},
};

constexpr std::array<Opcode, 256> Spread() {
  std::array<Opcode, 256> table{};
  for (Opcode& slot : table) slot.handler = &I::Invalid;
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
static_assert(std::ranges::all_of(kTable, [](const Opcode& opcode) { return opcode.handler != nullptr; }),
              "every byte is either an opcode or explicitly invalid");
#endif

}  // namespace

const std::array<Opcode, 256> kOpcodes = kTable;

}  // namespace airlock::pickle
