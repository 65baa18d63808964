#include "sandbox/formats/window_source.h"

#include <libdeflate.h>

#include <algorithm>
#include <cstring>

namespace airlock::formats {

WindowSource::WindowSource(const Input& input, uint64_t offset, uint64_t length)
    : input_(input), unread_(length), window_(std::min<uint64_t>(length, kMaxPeek)) {
  begin_ = next_ = end_ = window_.data();
  window_offset_ = offset;
}

Result<void> WindowSource::Refill(size_t count) {
  const size_t kept = available();
  const auto fresh = static_cast<size_t>(std::min<uint64_t>(unread_, window_.size() - kept));
  if (kept + fresh < count) {
    return Fail(Reason::kTruncated, std::to_string(count - kept - fresh) + " more bytes should follow",
                offset() + remaining());
  }
  if (kept > 0) std::memmove(window_.data(), next_, kept);
  window_offset_ = offset();
  next_ = begin_ = window_.data();
  end_ = begin_ + kept;
  const std::span<uint8_t> room(window_.data() + kept, fresh);
  AIRLOCK_TRY(input_.ReadAt(window_offset_ + kept, room));
  crc_ = libdeflate_crc32(crc_, room.data(), room.size());
  unread_ -= fresh;
  end_ += fresh;
  return {};
}

void WindowSource::SkipTo(uint64_t to) {
  const uint64_t distance = to - offset();
  if (distance <= available()) {
    next_ += distance;
    return;
  }
  unread_ -= distance - available();
  window_offset_ = to;
  begin_ = next_ = end_ = window_.data();
}

}  // namespace airlock::formats
