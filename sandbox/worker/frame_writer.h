// Frames to the broker: length and bytes, by write alone. Ends the process when the broker is gone or a frame is larger
// than the broker takes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace airlock::worker::v1 {
class Frame;
}

namespace airlock::worker {

// Length prefix not counted.
inline constexpr size_t kMaxFrameBytes = 64 << 10;

void WriteFrame(const v1::Frame& frame);

// As WriteFrame, of a frame that is encoded already.
void WriteEncodedFrame(std::string_view encoded);

// As WriteEncodedFrame, of a frame that stands behind 4 bytes for its length.
void WriteFramed(std::span<char> framed);

// All of `bytes`, as they are.
void WriteBytes(std::string_view bytes);

}  // namespace airlock::worker
