#include "sandbox/formats/byte_swap.h"

#include <algorithm>

namespace airlock::formats {

void SwapBytes(std::span<uint8_t> bytes, uint64_t swap_size) {
  if (swap_size <= 1) return;
  for (uint64_t i = 0; i + swap_size <= bytes.size(); i += swap_size) {
    std::reverse(bytes.begin() + static_cast<int64_t>(i), bytes.begin() + static_cast<int64_t>(i + swap_size));
  }
}

}  // namespace airlock::formats
