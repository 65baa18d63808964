// Texts eight bytes at a time. Names come by the hundred thousand and are short: what is asked of each of their bytes
// is asked of eight at once.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace airlock {

static_assert(std::endian::native == std::endian::little, "the first byte of a text is the lowest of its word");

// `byte` in each of the eight places.
constexpr uint64_t EightOf(uint8_t byte) { return uint64_t{0x0101010101010101} * byte; }

// Calls visit(word) for all of the text; the last word is filled up with `fill`.
template <typename Visit>
void ForEachEight(std::string_view text, char fill, Visit visit) {
  for (; text.size() >= 8; text.remove_prefix(8)) {
    uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    visit(word);
  }
  if (text.empty()) return;
  uint64_t word = EightOf(static_cast<uint8_t>(fill));
  std::memcpy(&word, text.data(), text.size());
  visit(word);
}

// Not 0 where a byte of the word is what the name says. Which one it is they do not say.
constexpr uint64_t AnyHigh(uint64_t word) { return word & EightOf(0x80); }
// REQUIRES: 0 < bound <= 0x80.
constexpr uint64_t AnyBelow(uint64_t word, uint8_t bound) { return (word - EightOf(bound)) & ~word & EightOf(0x80); }
constexpr uint64_t AnyEqual(uint64_t word, uint8_t byte) { return AnyBelow(word ^ EightOf(byte), 1); }

// Letters A to Z as a to z, all else as it is.
constexpr uint64_t LowerOfEight(uint64_t word) {
  const uint64_t low = word & EightOf(0x7F);
  const uint64_t from_a = low + EightOf(0x80 - 'A');        // the high bit: at least A
  const uint64_t behind_z = low + EightOf(0x80 - 'Z' - 1);  // the high bit: more than Z
  return word | ((from_a & ~behind_z & ~word & EightOf(0x80)) >> 2);
}

}  // namespace airlock
