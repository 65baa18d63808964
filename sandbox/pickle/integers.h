// Integers of any size, as two's complement little-endian bytes: the form that pickle and the value graph share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace airlock::pickle {

// Without the bytes that only repeat the sign. Zero has none.
std::string_view ShortestTwosComplement(std::string_view bytes);

// The value of at most 8 bytes, the shortest or not; nothing for more.
std::optional<int64_t> FitsInt64(std::string_view bytes);

// REQUIRES: digits are all decimal. Takes quadratic time: bound the number of digits first.
std::string TwosComplementOf(std::string_view digits, bool negative);

}  // namespace airlock::pickle
