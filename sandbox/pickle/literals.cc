// Handlers of opcodes that push one value: numbers, text, bytes.
#include <bit>
#include <string>
#include <utility>

#include "sandbox/pickle/integers.h"
#include "sandbox/pickle/interpreter.h"
#include "sandbox/pickle/text_arguments.h"
#include "sandbox/pickle/utf8.h"

namespace airlock::pickle {
namespace {

// Digits that surely fit 64 bits.
constexpr size_t kInt64Digits = 18;

// A lower bound, so that nothing beyond the limit is converted: a decimal digit has 0.41524 bytes.
uint64_t FewestBytes(uint64_t digits) { return (digits - 1) / 1000 * 415 + (digits - 1) % 1000 * 415 / 1000; }

}  // namespace

Result<void> Interpreter::PushNone() { return Push(graph_.None()); }
Result<void> Interpreter::PushTrue() { return Push(graph_.Bool(true)); }
Result<void> Interpreter::PushFalse() { return Push(graph_.Bool(false)); }
Result<void> Interpreter::PushInt() { return Push(graph_.Int(static_cast<int64_t>(number_))); }
Result<void> Interpreter::PushLong() { return PushTwosComplement(first_); }
Result<void> Interpreter::PushFloat() { return Push(graph_.Float(std::bit_cast<double>(__builtin_bswap64(number_)))); }

Result<void> Interpreter::PushTextFloat() {
  const auto value = ParseFloat(first_);
  if (!value) return Malformed("not a number");
  return Push(graph_.Float(*value));
}

Result<void> Interpreter::PushTextInt() {
  if (first_ == "00" || first_ == "01") return Push(graph_.Bool(first_ == "01"));
  return PushTextLong();
}

Result<void> Interpreter::PushTextLong() {
  std::string_view line = first_;
  const bool is_long = opcode_->name == std::string_view("LONG");
  if (is_long && line.ends_with('L')) line.remove_suffix(1);
  const auto decimal = ParseDecimal(line);
  if (!decimal) return Malformed("not a decimal integer");
  const uint64_t limit = context_.limits.integer_bytes;
  if (FewestBytes(decimal->digits.size()) > limit) {
    return FailLimit("integer_bytes", limit, FewestBytes(decimal->digits.size()), offset_);
  }
  if (decimal->digits.size() > kInt64Digits) {
    // The conversion takes the square of its length.
    const uint64_t steps = decimal->digits.size() / 64;
    context_.opcodes += steps * steps;
    return PushTwosComplement(TwosComplementOf(decimal->digits, decimal->negative));
  }
  int64_t value = 0;
  for (const char digit : decimal->digits) value = value * 10 + (digit - '0');
  return Push(graph_.Int(decimal->negative ? -value : value));
}

Result<void> Interpreter::PushTwosComplement(std::string_view bytes) {
  const uint64_t limit = context_.limits.integer_bytes;
  if (bytes.size() > limit) return FailLimit("integer_bytes", limit, bytes.size(), offset_);
  bytes = ShortestTwosComplement(bytes);
  if (const auto value = FitsInt64(bytes)) return Push(graph_.Int(*value));
  return PushText(Kind::kBigInt, bytes);
}

Result<void> Interpreter::PushText(Kind kind, std::string_view text) {
  AIRLOCK_TRY(CheckText(text.size()));
  return Push(graph_.Text(kind, text));
}

// A Python 2 str is text or bytes, and the stream does not say which. torch.load reads it as UTF-8; what is no UTF-8 is
// an error there, and bytes here.
Result<void> Interpreter::PushString() {
  if (IsUtf8(first_, Surrogates::kRefuse)) return PushText(Kind::kString, first_);
  if (!told_of_python2_bytes_) {
    told_of_python2_bytes_ = true;
    AddFinding(context_, {.id = "pickle.python2-bytes",
                          .severity = Severity::kNote,
                          .message = "a str of Python 2 that is no UTF-8, the first of its stream, is kept as bytes",
                          .where = {},
                          .offset = offset_});
  }
  return PushText(Kind::kBytes, first_);
}

Result<void> Interpreter::PushTextString() {
  const auto bytes = ParseStringRepr(first_);
  if (!bytes) return Malformed("not a quoted string");
  first_ = *bytes;
  return PushString();
}

Result<void> Interpreter::PushUnicode() {
  if (!IsUtf8(first_, Surrogates::kPass)) return Malformed("text that is not UTF-8");
  return Push(graph_.Text(Kind::kString, first_));  // whoever read it has asked CheckText
}

Result<void> Interpreter::PushTextUnicode() {
  const auto text = ParseRawUnicodeEscape(first_);
  if (!text) return Malformed("a broken \\u escape");
  return PushText(Kind::kString, *text);
}

Result<void> Interpreter::PushByteString(Kind kind) {
  if (!span_) return PushText(kind, first_);
  const InputSpan span = *std::exchange(span_, std::nullopt);
  return Push(graph_.BytesAt(kind, span.offset, span.length));
}

Result<void> Interpreter::PushBytes() { return PushByteString(Kind::kBytes); }
Result<void> Interpreter::PushByteArray() { return PushByteString(Kind::kByteArray); }

Result<void> Interpreter::NextBuffer() { return Malformed("asks for an out-of-band buffer, and a file has none"); }
Result<void> Interpreter::ReadonlyBuffer() { return NextBuffer(); }

}  // namespace airlock::pickle
