// Text from a file, a worker or a caller, made safe for logs, terminals and error messages: printable ASCII, capped.
// Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace airlock::server {

// One code point at the front of `text`. Surrogates (WTF-8) come out as such; a byte that starts no well-formed
// sequence comes out as itself with `valid` unset. REQUIRES: !text.empty().
struct CodePoint {
  uint32_t value = 0;
  uint32_t length = 1;
  bool valid = false;
};
CodePoint FirstCodePoint(std::string_view text);

// Well-formed UTF-8, lone surrogates allowed.
bool IsWtf8(std::string_view text);

// Printable ASCII as it is but for the backslash (\\); other characters as \uNNNN or \UNNNNNNNN, control characters and
// stray bytes as \xNN. At most `cap` bytes, a cut is marked by "...".
std::string EscapeText(std::string_view text, size_t cap);

// Cuts `text`, which is ASCII, to `cap` bytes, marked by "...". REQUIRES: cap >= 3.
std::string CapText(std::string text, size_t cap);

// Lone surrogates of WTF-8 become \udXXX; all else stays. The result is valid UTF-8.
void AppendUtf8(std::string_view wtf8, std::string& out);

}  // namespace airlock::server
