// Reads UTF-8 that may be wrong, as names from a file may be.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace airlock::cli {

inline constexpr int32_t kInvalidByte = -1;

// Takes the next code point off the front of `text`; kInvalidByte, and one byte off, where there is none. Surrogates,
// which Python strings may hold and which are encoded like other code points here (WTF-8), count as code points.
int32_t NextCodePoint(std::string_view& text);

inline bool IsSurrogate(int32_t code) { return code >= 0xd800 && code <= 0xdfff; }

void AppendUtf8(std::string& out, uint32_t code);

}  // namespace airlock::cli
