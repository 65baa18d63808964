// The little of protobuf's wire format that frames are made of: fields with a length.
#pragma once

#include <cstddef>
#include <cstdint>

namespace airlock::worker {

inline size_t VarintSize(size_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

// A tag of one byte, a length, and so many bytes.
inline size_t FieldSize(size_t length) { return 1 + VarintSize(length) + length; }

// Tag and length. Returns where the bytes go. REQUIRES: a field number below 16.
inline char* WriteFieldHead(uint32_t field, size_t length, char* out) {
  constexpr uint32_t kLengthDelimited = 2;
  *out++ = static_cast<char>(field << 3 | kLengthDelimited);
  for (; length >= 0x80; length >>= 7) *out++ = static_cast<char>(length | 0x80);
  *out++ = static_cast<char>(length);
  return out;
}

}  // namespace airlock::worker
