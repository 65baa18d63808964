// FrameReader: takes a worker's frames off its socket under caps, an order and deadlines
// (proto/airlock/worker/v1/frame.proto). It knows the grammar and nothing of the meaning: a frame's contents leave it
// Tainted.
//
// The grammar: READY, PLAN*, DONE, end of file. Each frame: 4 bytes of length, little-endian, 1..kMaxFrameBytes, then a
// canonical encoding. Anything else is WORKER_PROTOCOL, with the rule that was broken as the layer. The socket is read
// without a control buffer: descriptors that a worker might send are dropped by the kernel. Not thread-safe; does not
// own the socket.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "airlock/worker/v1/frame.pb.h"
#include "server/tainted.h"
#include "server/verdict.h"

namespace airlock::server {

inline constexpr size_t kMaxFrameBytes = 64 << 10;

using Clock = std::chrono::steady_clock;

// What one worker may say in all.
struct FrameCaps {
  uint64_t max_frames = 1'000'000;
  uint64_t max_bytes = uint64_t{1} << 30;
};

struct Deadlines {
  // The end of the load.
  Clock::time_point total;
  // Longest time for one frame, counted from the call of Next.
  std::chrono::milliseconds silence;
};

struct Received {
  worker::v1::Frame::BodyCase kind;
  // Of a PLAN, empty otherwise.
  Tainted<v1::PlanChunk> piece;
  // Of any other.
  Tainted<worker::v1::Frame> frame;
};

class FrameReader {
 public:
  // REQUIRES: `socket` is non-blocking.
  explicit FrameReader(int socket, FrameCaps caps = {});

  // The next frame, or nothing at the end of file between two frames: done() says whether the worker had finished.
  // Fails as CANCELLED as soon as `cancel_fd` (if not -1) is readable.
  OrVerdict<std::optional<Received>> Next(const Deadlines& deadlines, int cancel_fd = -1);

  // DONE has been read.
  bool done() const { return state_ == State::kDone; }
  // The last failure of Next was the worker's end of file inside a frame: how it died says more.
  bool cut_off() const { return cut_off_; }

 private:
  enum class State : uint8_t { kStart, kReady, kDone };
  struct FrameRow;

  // Bytes that are there after waiting: 0 at the end of file.
  OrVerdict<size_t> Fill(const Deadlines& deadlines, Clock::time_point silence_end, int cancel_fd);
  // Whether a whole frame lies in the buffer.
  OrVerdict<bool> FrameIsThere() const;
  OrVerdict<Received> TakeFrame();
  OrVerdict<void> Advance(worker::v1::Frame::BodyCase kind);
  size_t buffered() const { return end_ - begin_; }
  uint32_t FrontLength() const;

  int socket_;
  FrameCaps caps_;
  State state_ = State::kStart;
  bool cut_off_ = false;
  uint64_t frames_ = 0;
  uint64_t bytes_ = 0;
  // Room for several frames: while one is looked at, others come. Pages of it that no frame reaches are never touched.
  std::unique_ptr<uint8_t[]> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace airlock::server
