#include "sandbox/pickle/text_arguments.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "sandbox/pickle/utf8.h"

namespace airlock::pickle {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Exactly `count` hexadecimal digits off the front.
std::optional<char32_t> TakeHex(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, value, 16);
  if (error != std::errc() || end != text.data() + count) return std::nullopt;
  text.remove_prefix(count);
  return value;
}

// One to three octal digits, as C has them. Python keeps the low eight bits.
char TakeOctal(std::string_view& text) {
  unsigned value = 0;
  for (int i = 0; i < 3 && !text.empty() && text[0] >= '0' && text[0] <= '7'; ++i) {
    value = value * 8 + static_cast<unsigned>(text[0] - '0');
    text.remove_prefix(1);
  }
  return static_cast<char>(value & 0xFF);
}

// What stands behind a backslash. REQUIRES: !text.empty().
bool TakeEscape(std::string_view& text, std::string& bytes) {
  constexpr std::string_view kNames = "\n\\'\"bftnrva";
  constexpr std::string_view kValues("\0\\'\"\b\f\t\n\r\v\a", kNames.size());
  const char c = text[0];
  if (c >= '0' && c <= '7') {
    bytes += TakeOctal(text);
    return true;
  }
  text.remove_prefix(1);
  if (c == 'x') {
    const auto byte = TakeHex(text, 2);
    if (byte) bytes += static_cast<char>(*byte);
    return byte.has_value();
  }
  if (const size_t index = kNames.find(c); index != std::string_view::npos) {
    if (c != '\n') bytes += kValues[index];
  } else {
    bytes += '\\';  // not an escape: both stay
    bytes += c;
  }
  return true;
}

}  // namespace

std::optional<Decimal> ParseDecimal(std::string_view line) {
  Decimal decimal;
  if (!line.empty() && (line[0] == '-' || line[0] == '+')) {
    decimal.negative = line[0] == '-';
    line.remove_prefix(1);
  }
  if (line.empty() || !std::ranges::all_of(line, IsDigit)) return std::nullopt;
  if (line.size() > 1 && line[0] == '0') return std::nullopt;  // octal to one Python, an error to another
  decimal.digits = line;
  return decimal;
}

std::optional<uint64_t> ParseMemoKey(std::string_view line) {
  uint64_t key = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), key, 10);
  if (error != std::errc() || end != line.data() + line.size() || key > INT64_MAX) return std::nullopt;
  return key;
}

std::optional<double> ParseFloat(std::string_view line) {
  if (!line.empty() && line[0] == '+') {
    line.remove_prefix(1);
    if (!line.empty() && line[0] == '-') return std::nullopt;
  }
  if (line.find('(') != std::string_view::npos) return std::nullopt;  // nan(payload), which C has and Python has not
  double value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value, std::chars_format::general);
  if (end != line.data() + line.size()) return std::nullopt;
  if (error == std::errc()) return value;
  if (error != std::errc::result_out_of_range) return std::nullopt;
  // from_chars does not say which way: too small is a subnormal or zero to Python, too large is an error.
  const double rounded = std::strtod(std::string(line).c_str(), nullptr);
  return rounded > -1 && rounded < 1 ? std::optional(rounded) : std::nullopt;
}

std::optional<std::string> ParseStringRepr(std::string_view line) {
  if (line.size() < 2 || (line[0] != '\'' && line[0] != '"') || line.back() != line[0]) return std::nullopt;
  line = line.substr(1, line.size() - 2);
  std::string bytes;
  bytes.reserve(line.size());
  while (!line.empty()) {
    const size_t plain = std::min(line.find('\\'), line.size());
    bytes += line.substr(0, plain);
    line.remove_prefix(plain);
    if (line.empty()) break;
    line.remove_prefix(1);
    if (line.empty() || !TakeEscape(line, bytes)) return std::nullopt;
  }
  return bytes;
}

std::optional<std::string> ParseRawUnicodeEscape(std::string_view line) {
  std::string text;
  text.reserve(line.size());
  while (!line.empty()) {
    const char c = line[0];
    line.remove_prefix(1);
    if (c != '\\' || line.empty()) {
      AppendUtf8(static_cast<uint8_t>(c), text);
      continue;
    }
    const char kind = line[0];
    line.remove_prefix(1);
    if (kind != 'u' && kind != 'U') {
      text += '\\';
      AppendUtf8(static_cast<uint8_t>(kind), text);
      continue;
    }
    const auto code_point = TakeHex(line, kind == 'u' ? 4 : 8);
    if (!code_point || *code_point > kMaxCodePoint) return std::nullopt;
    AppendUtf8(*code_point, text);
  }
  return text;
}

}  // namespace airlock::pickle
