// Integers of any size, as two's complement little-endian bytes: the form that pickle and the value graph share.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace airlock::pickle {

// Without the bytes that only repeat the sign. Zero has none.
std::string_view ShortestTwosComplement(std::string_view bytes);

// The two's complement in the lowest `bytes` bytes; what stands above them does not count. REQUIRES: 0 < bytes <= 8.
inline int64_t SignExtended(uint64_t value, size_t bytes) {
  const auto unused = static_cast<int>(64 - 8 * bytes);
  return static_cast<int64_t>(value << unused) >> unused;
}

// The value of at most 8 bytes, the shortest or not; nothing for more.
inline std::optional<int64_t> FitsInt64(std::string_view bytes) {
  if (bytes.size() > sizeof(int64_t)) return std::nullopt;
  if (bytes.empty()) return 0;
  uint64_t value = 0;
  if (bytes.size() >= sizeof(uint32_t)) {
    // Two reads of four bytes, which overlap where there are fewer than eight.
    uint32_t low = 0;
    uint32_t high = 0;
    std::memcpy(&low, bytes.data(), sizeof(low));
    std::memcpy(&high, bytes.data() + bytes.size() - sizeof(high), sizeof(high));
    value = low | uint64_t{high} << (8 * (bytes.size() - sizeof(high)));
  } else {
    for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i - 1]);
  }
  return SignExtended(value, bytes.size());
}

// REQUIRES: digits are all decimal. Takes quadratic time: bound the number of digits first.
std::string TwosComplementOf(std::string_view digits, bool negative);

}  // namespace airlock::pickle
