// Numbers of Python's decimal and fractions modules, as their classes write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "client/cli/state/integer.h"

namespace airlock::cli {

// What str() makes of decimal.Decimal(text); absent where that is none.
std::optional<std::string> DecimalText(std::string_view text);

// Of what is divided: that takes the square of the length, and one long number can stand in a million places.
constexpr int kMaxNumberBits = 2048;

using FractionParts = std::pair<Integer, Integer>;
// Numerator and denominator of fractions.Fraction(text), for "3", "-3/6"; absent for other text.
std::optional<FractionParts> FractionOf(std::string_view text);
// Of fractions.Fraction(numerator, denominator); absent where that is none, or is longer than any that is meant.
std::optional<FractionParts> FractionOf(Integer numerator, Integer denominator);

}  // namespace airlock::cli
