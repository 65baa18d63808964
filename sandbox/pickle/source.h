// Source: the bytes of one pickle stream, through a window. The machine reads millions of small arguments, so the hot
// calls are inline and work on the window; only Refill is virtual. A stream never exceeds the bounds it was given.
//
// Not thread-safe. Offsets are those of the input file where the bytes stand there as they are; for inflated streams
// they are offsets in the stream.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sandbox/base/error.h"

namespace airlock::pickle {

class Source {
 public:
  virtual ~Source() = default;

  // Offset of the next byte.
  uint64_t offset() const { return window_offset_ + static_cast<uint64_t>(next_ - begin_); }
  // Bytes that are in the window.
  size_t available() const { return static_cast<size_t>(end_ - next_); }
  // Makes at least `count` bytes available, or fails as kTruncated. REQUIRES: count <= kMaxPeek.
  Result<void> Need(size_t count) {
    if (count <= available()) return {};
    return Refill(count);
  }
  // The next bytes. REQUIRES: available() >= what is read from it.
  const uint8_t* peek() const { return next_; }
  void Skip(size_t count) { next_ += count; }
  // Whether all bytes were taken.
  virtual bool AtEnd() const = 0;
  // Bytes that are left, window included.
  virtual uint64_t remaining() const = 0;
  // Where the next byte stands in the input file; nothing where the bytes were inflated or copied.
  virtual std::optional<uint64_t> file_offset() const { return std::nullopt; }

  static constexpr size_t kMaxPeek = size_t{1} << 16;

 protected:
  virtual Result<void> Refill(size_t count) = 0;

  const uint8_t* begin_ = nullptr;
  const uint8_t* next_ = nullptr;
  const uint8_t* end_ = nullptr;
  uint64_t window_offset_ = 0;  // of begin_
};

}  // namespace airlock::pickle
