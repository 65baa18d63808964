#include "client/cli/state/number_text.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace airlock::cli {
namespace {

constexpr size_t kMaxDecimal = 4096;
constexpr int64_t kMaxExponent = 100'000'000'000'000'000;  // decimal's own is ten times as much
constexpr size_t kMaxFractionDigits = 400;
// Smaller numbers are written with an exponent.
constexpr int64_t kSmallest = -6;

bool AllDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view WithoutZeros(std::string_view digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// Infinity, NaN1; absent for a number.
std::optional<std::string> SpecialText(std::string_view text) {
  const std::string lower = Lower(text);
  if (lower == "inf" || lower == "infinity") return "Infinity";
  const bool signals = lower.starts_with("snan");
  if (!signals && !lower.starts_with("nan")) return std::nullopt;
  const std::string_view payload = std::string_view(lower).substr(signals ? 4 : 3);
  if (!AllDigits(payload)) return std::nullopt;
  return (signals ? "sNaN" : "NaN") + std::string(WithoutZeros(payload));
}

// The digits, with a point and an exponent where they are needed: decimal's to-scientific-string.
std::string Scientific(const std::string& digits, int64_t exponent) {
  const auto length = static_cast<int64_t>(digits.size());
  const int64_t left = exponent + length;
  const int64_t point = exponent <= 0 && left > kSmallest ? left : 1;
  std::string result;
  if (point <= 0) {
    result = "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  } else if (point >= length) {
    result = digits + std::string(static_cast<size_t>(point - length), '0');
  } else {
    result = digits.substr(0, static_cast<size_t>(point)) + "." + digits.substr(static_cast<size_t>(point));
  }
  if (left == point) return result;
  return result + (left > point ? "E+" : "E") + std::to_string(left - point);
}

std::optional<int64_t> ExponentOf(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < -kMaxExponent || value > kMaxExponent) return std::nullopt;
  return value;
}

// Takes a sign off the front; whether it was a minus.
bool TakeSign(std::string_view& text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  return negative;
}

}  // namespace

std::optional<std::string> DecimalText(std::string_view text) {
  if (text.size() > kMaxDecimal) return std::nullopt;
  const std::string sign = TakeSign(text) ? "-" : "";
  if (const auto special = SpecialText(text)) return sign + *special;
  int64_t exponent = 0;
  if (const size_t at = text.find_first_of("eE"); at != std::string_view::npos) {
    const auto given = ExponentOf(text.substr(at + 1));
    if (!given) return std::nullopt;
    exponent = *given;
    text = text.substr(0, at);
  }
  const size_t point = text.find('.');
  const std::string_view fraction = point == std::string_view::npos ? "" : text.substr(point + 1);
  std::string digits = std::string(text.substr(0, point)).append(fraction);
  if (digits.empty() || !AllDigits(digits)) return std::nullopt;
  digits = std::string(WithoutZeros(digits));
  return sign + Scientific(digits.empty() ? "0" : digits, exponent - static_cast<int64_t>(fraction.size()));
}

std::optional<FractionParts> FractionOf(std::string_view text) {
  const std::string sign = TakeSign(text) ? "-" : "";
  const size_t slash = text.find('/');
  const std::string_view numerator = text.substr(0, slash);
  const std::string_view denominator = slash == std::string_view::npos ? "1" : text.substr(slash + 1);
  for (const std::string_view digits : {numerator, denominator}) {
    if (digits.empty() || digits.size() > kMaxFractionDigits || !AllDigits(digits)) return std::nullopt;
  }
  return FractionOf(Integer::OfDigits(sign + std::string(numerator)), Integer::OfDigits(std::string(denominator)));
}

std::optional<FractionParts> FractionOf(Integer numerator, Integer denominator) {
  if (denominator.zero()) return std::nullopt;
  if (std::max(numerator.bits(), denominator.bits()) > kMaxNumberBits) return std::nullopt;
  Integer::Reduce(numerator, denominator);
  return FractionParts(std::move(numerator), std::move(denominator));
}

}  // namespace airlock::cli
