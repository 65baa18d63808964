// The opcodes that most of every pickle consists of, in a loop of their own, where what the loop counts stays in
// registers. Only as long as nothing is unusual: what is wrong, ends the window, the frame or the room of a limit, and
// every other opcode is left to Step, which does the same (literals.cc, containers.cc) and says what is wrong.
#include <algorithm>
#include <bit>

#include "sandbox/base/little_endian.h"
#include "sandbox/pickle/integers.h"
#include "sandbox/pickle/interpreter.h"
#include "sandbox/pickle/utf8.h"

namespace airlock::pickle {
namespace {

// Opcode, and a number of eight bytes with its length.
constexpr size_t kLongest = 2 + sizeof(uint64_t);

}  // namespace

inline bool Interpreter::GetSimple(uint64_t key) {
  const NodeId node = memo_.Get(key);
  if (node == kNoNode) return false;
  stack_.Push(node);
  return true;
}

inline bool Interpreter::PutSimple(uint64_t key) {
  if (stack_.within() == 0) return false;
  memo_.Put(key, stack_.Top());
  return true;
}

inline bool Interpreter::PushSimpleText(std::string_view text) {
  if (!HasRoomForText(text.size()) || !IsUtf8(text, Surrogates::kPass)) return false;
  stack_.Push(graph_.Text(Kind::kString, text));
  return true;
}

inline bool Interpreter::TupleSimple(size_t count) {
  if (stack_.within() < count) return false;
  stack_.ReplaceLast(count, graph_.Container(Kind::kTuple, stack_.Last(count)));
  return true;
}

// LONG1's number of `length` bytes. REQUIRES: eight can be read.
inline bool Interpreter::PushSimpleLong(const uint8_t* at, size_t length) {
  const bool usual = length > 0 && length <= sizeof(int64_t) && length <= context_.limits.integer_bytes;
  if (!usual || !HasRoomForText(length)) return false;
  stack_.Push(graph_.Int(SignExtended(LoadLittle<uint64_t>(at), length)));
  return true;
}

// Does what the opcode at `at` says. Returns what stands behind it; null where nothing was done. REQUIRES: available >=
// kLongest.
[[gnu::always_inline]] inline const uint8_t* Interpreter::TakeSimple(const uint8_t* at, size_t available) {
  const auto push = [&](NodeId node, size_t length) {
    stack_.Push(node);
    return at + length;
  };
  const auto push_text = [&](size_t head, uint64_t length) -> const uint8_t* {
    if (length > available - head) return nullptr;
    const bool pushed = PushSimpleText({reinterpret_cast<const char*>(at + head), length});
    return pushed ? at + head + length : nullptr;
  };
  switch (*at) {
    case '(':  // MARK
      stack_.PushMark();
      return at + 1;
    case '}':  // EMPTY_DICT
      return push(graph_.Container(Kind::kDict, {}), 1);
    case ']':  // EMPTY_LIST
      return push(graph_.Container(Kind::kList, {}), 1);
    case ')':  // EMPTY_TUPLE
      return push(graph_.EmptyTuple(), 1);
    case 'N':  // NONE
      return push(graph_.None(), 1);
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      return push(graph_.Bool(*at == 0x88), 1);
    case 'h':  // BINGET
      return GetSimple(at[1]) ? at + 2 : nullptr;
    case 'j':  // LONG_BINGET
      return GetSimple(LoadLittle<uint32_t>(at + 1)) ? at + 5 : nullptr;
    case 'q':  // BINPUT
      return PutSimple(at[1]) ? at + 2 : nullptr;
    case 'r':  // LONG_BINPUT
      return PutSimple(LoadLittle<uint32_t>(at + 1)) ? at + 5 : nullptr;
    case 0x94:  // MEMOIZE
      return PutSimple(memo_.count()) ? at + 1 : nullptr;
    case 0x85:  // TUPLE1
    case 0x86:  // TUPLE2
    case 0x87:  // TUPLE3
      return TupleSimple(*at - 0x84) ? at + 1 : nullptr;
    case 'K':  // BININT1
      return push(graph_.Int(at[1]), 2);
    case 'M':  // BININT2
      return push(graph_.Int(LoadLittle<uint16_t>(at + 1)), 3);
    case 'J':  // BININT
      return push(graph_.Int(LoadLittle<int32_t>(at + 1)), 5);
    case 'G':  // BINFLOAT
      return push(graph_.Float(std::bit_cast<double>(__builtin_bswap64(LoadLittle<uint64_t>(at + 1)))), 9);
    case 0x8a:  // LONG1
      return PushSimpleLong(at + 2, at[1]) ? at + 2 + at[1] : nullptr;
    case 'X':  // BINUNICODE
      return push_text(5, LoadLittle<uint32_t>(at + 1));
    case 0x8c:  // SHORT_BINUNICODE
      return push_text(2, at[1]);
    default:
      return nullptr;
  }
}

void Interpreter::RunSimple() {
  const uint64_t offset = source_.offset();
  if (context_.opcodes >= look_at_ || offset >= frame_end_) return;
  const uint64_t most = look_at_ - context_.opcodes;
  const uint8_t* const begin = source_.peek();
  const uint8_t* const end = begin + std::min<uint64_t>(source_.available(), frame_end_ - offset);
  const uint8_t* at = begin;
  uint64_t opcodes = 0;
  for (; opcodes < most && static_cast<size_t>(end - at) >= kLongest; ++opcodes) {
    const uint8_t* const behind = TakeSimple(at, static_cast<size_t>(end - at));
    if (behind == nullptr) break;
    at = behind;
  }
  context_.opcodes += opcodes;
  source_.Skip(static_cast<size_t>(at - begin));
}

}  // namespace airlock::pickle
