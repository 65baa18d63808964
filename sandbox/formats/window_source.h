// WindowSource: a range of the input as a pickle stream, through a window.
#pragma once

#include <cstdint>
#include <vector>

#include "sandbox/formats/input.h"
#include "sandbox/pickle/source.h"

namespace airlock::formats {

// Bytes [offset, offset + length) of the input, read in order, 64 KiB at a time. Keeps the CRC-32 of what was read, as
// zip has it. Borrows the input.
class WindowSource final : public pickle::Source {
 public:
  WindowSource(const Input& input, uint64_t offset, uint64_t length);

  bool AtEnd() const override { return remaining() == 0; }
  uint64_t remaining() const override { return available() + unread_; }
  std::optional<uint64_t> file_offset() const override {
    return input_.in_file() ? std::optional(input_.FileOffset(offset())) : std::nullopt;
  }
  // Goes on at a later offset of the same range, without reading what is between. REQUIRES: offset() <= to <= end.
  void SkipTo(uint64_t to);
  // Of all bytes of the range. REQUIRES: AtEnd(), and SkipTo was never called.
  uint32_t crc() const { return crc_; }

 private:
  Result<void> Refill(size_t count) override;

  const Input& input_;
  uint64_t unread_;  // bytes behind the window
  uint32_t crc_ = 0;
  std::vector<uint8_t> window_;
};

}  // namespace airlock::formats
