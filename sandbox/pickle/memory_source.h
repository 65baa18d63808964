// A Source over bytes that are in memory: nested streams, members that were inflated, tests.
#pragma once

#include <span>
#include <string>

#include "sandbox/pickle/source.h"

namespace airlock::pickle {

class MemorySource final : public Source {
 public:
  // The bytes must outlive the source. `offset` is that of the first byte, for messages.
  explicit MemorySource(std::span<const uint8_t> bytes, uint64_t offset = 0) {
    begin_ = next_ = bytes.data();
    end_ = bytes.data() + bytes.size();
    window_offset_ = offset;
  }

  bool AtEnd() const override { return next_ == end_; }
  uint64_t remaining() const override { return available(); }

 protected:
  Result<void> Refill(size_t count) override {
    return Fail(Reason::kTruncated, std::to_string(count - available()) + " more bytes should follow",
                offset() + available());
  }
};

}  // namespace airlock::pickle
