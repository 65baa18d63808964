// UTF-8 as Python's "surrogatepass" has it: lone surrogates are encoded like other code points (WTF-8).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/base/words.h"

namespace airlock::pickle {

inline constexpr char32_t kMaxCodePoint = 0x10FFFF;

inline bool IsSurrogate(char32_t code_point) { return code_point >= 0xD800 && code_point <= 0xDFFF; }

// Takes one code point off the front of `text`; nothing where the bytes there are not its shortest encoding.
std::optional<char32_t> TakeCodePoint(std::string_view& text);

inline bool IsAscii(std::string_view text) {
  uint64_t all = 0;
  ForEachEight(text, ' ', [&](uint64_t word) { all |= word; });
  return AnyHigh(all) == 0;
}

enum class Surrogates { kRefuse, kPass };
// What IsUtf8 asks of texts that are not all ASCII.
bool IsWideUtf8(std::string_view text, Surrogates surrogates);
inline bool IsUtf8(std::string_view text, Surrogates surrogates) {
  return IsAscii(text) || IsWideUtf8(text, surrogates);
}

// REQUIRES: code_point <= kMaxCodePoint.
void AppendUtf8(char32_t code_point, std::string& text);

}  // namespace airlock::pickle
