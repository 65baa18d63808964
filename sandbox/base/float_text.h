// A float as Python's repr() has it: the shortest digits that make the same number again. Broker and clients name
// tensors by it. Pure, no errors.
#pragma once

#include <charconv>
#include <cmath>
#include <string>

namespace airlock {

inline std::string FloatText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  const double size = std::abs(value);
  const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  char text[32];  // 24 is the most
  const auto format = fixed ? std::chars_format::fixed : std::chars_format::scientific;
  std::string result(text, std::to_chars(text, text + sizeof(text), value, format).ptr);
  if (fixed && result.find('.') == std::string::npos) result += ".0";
  return result;
}

}  // namespace airlock
