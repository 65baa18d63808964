// UTF-8 as Python's "surrogatepass" has it: lone surrogates are encoded like other code points (WTF-8).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace airlock::pickle {

inline constexpr char32_t kMaxCodePoint = 0x10FFFF;

inline bool IsSurrogate(char32_t code_point) { return code_point >= 0xD800 && code_point <= 0xDFFF; }

// Takes one code point off the front of `text`; nothing where the bytes there are not its shortest encoding.
std::optional<char32_t> TakeCodePoint(std::string_view& text);

enum class Surrogates { kRefuse, kPass };
bool IsUtf8(std::string_view text, Surrogates surrogates);

// REQUIRES: code_point <= kMaxCodePoint.
void AppendUtf8(char32_t code_point, std::string& text);

}  // namespace airlock::pickle
