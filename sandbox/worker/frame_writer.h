// Frames to the broker: length and bytes, by write alone. Ends the process when the broker is gone or a frame is larger
// than the broker takes.
#pragma once

#include <cstddef>
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

// All of `bytes`, as they are.
void WriteBytes(std::string_view bytes);

}  // namespace airlock::worker
