// The arguments that protocol 0 writes as text. Each function takes a line without its newline and gives nothing where
// the line is not what every Python reads alike (octal, hexadecimal, underscores and spaces are among that).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace airlock::pickle {

struct Decimal {
  bool negative = false;
  std::string_view digits;  // no leading zeros, but for "0" itself
};

// [+-]?digits
std::optional<Decimal> ParseDecimal(std::string_view line);

// The number of GET and PUT: digits, below 2^63.
std::optional<uint64_t> ParseMemoKey(std::string_view line);

// A Python float literal, inf and nan among them. Too large for a double: nothing.
std::optional<double> ParseFloat(std::string_view line);

// The repr of a Python 2 str: quoted, with backslash escapes. Gives its bytes.
std::optional<std::string> ParseStringRepr(std::string_view line);

// raw-unicode-escape: Latin-1 and \uXXXX, \UXXXXXXXX. Gives WTF-8.
std::optional<std::string> ParseRawUnicodeEscape(std::string_view line);

}  // namespace airlock::pickle
