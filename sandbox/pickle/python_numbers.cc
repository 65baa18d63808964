// Numbers, and what is made of numbers alone. All but complex become records, with the arguments as they are.
#include <algorithm>
#include <string_view>

#include "sandbox/pickle/python_builders.h"

namespace airlock::pickle {
namespace {

std::optional<double> Number(const Maker& m, NodeId node) {
  if (m.graph.is(node, Kind::kFloat)) return m.graph.real(node);
  if (m.graph.is(node, Kind::kInt)) return static_cast<double>(m.graph.integer(node));
  return std::nullopt;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes the digits that `text` begins with, and says how many.
size_t TakeDigits(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, IsDigit);
  const auto count = static_cast<size_t>(end - text.begin());
  text.remove_prefix(count);
  return count;
}

bool Take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool TakeSign(std::string_view& text) { return Take(text, "-") || Take(text, "+"); }

// What str(Decimal) gives: 1.5, -0, 1E+9, Infinity, NaN, sNaN123.
bool IsDecimalText(std::string_view text) {
  TakeSign(text);
  if (Take(text, "Infinity")) return text.empty();
  if (Take(text, "NaN") || Take(text, "sNaN")) {
    TakeDigits(text);
    return text.empty();
  }
  size_t digits = TakeDigits(text);
  if (Take(text, ".")) digits += TakeDigits(text);
  if (digits == 0) return false;
  if (text.empty()) return true;
  if (!Take(text, "E")) return false;
  TakeSign(text);
  return TakeDigits(text) > 0 && text.empty();
}

// What str(Fraction) gives: 3, -1/3.
bool IsFractionText(std::string_view text) {
  Take(text, "-");
  if (TakeDigits(text) == 0) return false;
  if (text.empty()) return true;
  return Take(text, "/") && !text.starts_with("0") && TakeDigits(text) > 0 && text.empty();
}

// Bytes of one item, by the code that array.array gives a type; 0 for no such code.
size_t ItemBytes(char type_code) {
  switch (type_code) {
    case 'b':
    case 'B':
    case 'c':
      return 1;
    case 'h':
    case 'H':
      return 2;
    case 'u':
    case 'w':
    case 'i':
    case 'I':
    case 'f':
      return 4;
    case 'l':
    case 'L':
    case 'q':
    case 'Q':
    case 'd':
      return 8;
    default:
      return 0;
  }
}

bool IsTypeCode(const Maker& m, NodeId node) {
  return m.IsText(node) && m.graph.text(node).size() == 1 && ItemBytes(m.graph.text(node)[0]) != 0;
}

}  // namespace

Result<NodeId> MakeComplex(Maker& m) {
  if (m.args().empty()) return m.graph.Complex(0, 0);
  const auto real = m.args().size() <= 2 ? Number(m, m.arg(0)) : std::nullopt;
  const auto imaginary = m.args().size() == 2 ? Number(m, m.arg(1)) : std::optional<double>(0);
  if (!real || !imaginary) return kNoNode;
  return m.graph.Complex(*real, *imaginary);
}

Result<NodeId> MakeDecimal(Maker& m) {
  if (m.args().size() != 1 || !m.IsText(m.arg(0))) return kNoNode;
  const std::string_view text = m.graph.text(m.arg(0));
  m.Charge(text.size() / 16);
  return IsDecimalText(text) ? m.Record() : kNoNode;
}

// (numerator, denominator), or the text of both.
Result<NodeId> MakeFraction(Maker& m) {
  if (m.args().size() == 1 && m.IsText(m.arg(0))) {
    const std::string_view text = m.graph.text(m.arg(0));
    m.Charge(text.size() / 16);
    return IsFractionText(text) ? m.Record() : kNoNode;
  }
  if (m.args().size() != 2 || !m.IsInteger(m.arg(0)) || !m.IsInteger(m.arg(1))) return kNoNode;
  const bool positive = m.Integer(m.arg(1)) != 0 && !m.IsNegative(m.arg(1));
  return positive ? m.Record() : kNoNode;
}

// (start, stop, step)
Result<NodeId> MakeRange(Maker& m) {
  if (m.args().size() != 3 || m.Integer(m.arg(2)) == 0) return kNoNode;
  return std::ranges::all_of(m.args(), [&](NodeId arg) { return m.IsInteger(arg); }) ? m.Record() : kNoNode;
}

// (start, stop, step), each of them anything.
Result<NodeId> MakeSlice(Maker& m) { return m.args().size() == 3 ? m.Record() : kNoNode; }

// array.array(type code, items)
Result<NodeId> MakeNumberArray(Maker& m) {
  if (m.args().size() != 2 || !IsTypeCode(m, m.arg(0))) return kNoNode;
  if (m.IsText(m.arg(1)) || m.graph.is(m.arg(1), Kind::kBytes)) return m.Record();
  if (!m.graph.is(m.arg(1), Kind::kList)) return kNoNode;
  const auto items = m.graph.children(m.arg(1));
  m.Charge(items.size());
  const bool numbers =
      std::ranges::all_of(items, [&](NodeId item) { return m.IsInteger(item) || m.graph.is(item, Kind::kFloat); });
  return numbers ? m.Record() : kNoNode;
}

// array._array_reconstructor(array.array, type code, format of the machine that wrote it, bytes)
Result<NodeId> MakeNumberArrayFromBytes(Maker& m) {
  constexpr int64_t kFormats = 22;
  if (m.args().size() != 4 || m.BuilderOf(m.arg(0)) != Builder::kNumberArray || !IsTypeCode(m, m.arg(1))) {
    return kNoNode;
  }
  const int64_t format = m.Integer(m.arg(2)).value_or(-1);
  const bool understood = format >= 0 && format < kFormats && m.graph.is(m.arg(3), Kind::kBytes);
  return understood ? m.Record() : kNoNode;
}

}  // namespace airlock::pickle
