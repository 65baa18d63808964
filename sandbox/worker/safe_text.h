// SafeText: text that may quote a file, made fit for a proto3 string: valid UTF-8, no control characters, bounded.
#pragma once

#include <string>
#include <string_view>

namespace airlock::worker {

// Whatever is no printable character comes out as \xNN; text beyond `max_bytes` is cut and ends in "...".
std::string SafeText(std::string_view text, size_t max_bytes);

}  // namespace airlock::worker
