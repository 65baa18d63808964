// Byte order: turns elements of 1, 2, 4 or 8 bytes around, in place.
#pragma once

#include <cstdint>
#include <span>

namespace airlock::formats {

// `swap_size` is 1, 2, 4 or 8. Trailing bytes that make no whole element stay as they are.
void SwapBytes(std::span<uint8_t> bytes, uint64_t swap_size);

}  // namespace airlock::formats
