// Integers as they stand in files: little-endian, unaligned.
#pragma once

#include <cstdint>
#include <cstring>

namespace airlock {

// REQUIRES: sizeof(T) bytes at `bytes`. The worker runs on little-endian machines only.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

template <typename T>
T LoadLittle(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

}  // namespace airlock
