// Escapes text of an attacker's choice for a terminal: nothing of it moves the cursor, changes colours, reorders or
// hides what stands beside it, or ends the line.
#pragma once

#include <string>
#include <string_view>

namespace airlock::cli {

// Control characters, invalid bytes, bidirectional and invisible characters become \xNN, \uNNNN or \UNNNNNNNN; a
// backslash becomes two. Other text stays.
std::string Escape(std::string_view text);

// As Escape, then at most `width` columns (code points), the end replaced by "...".
std::string EscapeShort(std::string_view text, size_t width);

// Code points of well-formed text.
size_t Width(std::string_view text);

}  // namespace airlock::cli
