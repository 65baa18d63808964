#include "server/frame_reader.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace airlock::server {
namespace {

constexpr size_t kPrefixBytes = 4;
constexpr size_t kBufferBytes = 4 * (kPrefixBytes + kMaxFrameBytes);

Unexpected<Verdict> Protocol(std::string_view rule) {
  return Unexpected<Verdict>{Verdict::Violation(v1::REASON_WORKER_PROTOCOL, rule)};
}

// Milliseconds until `end`, rounded up so that a poll does not spin just before it.
int PollTimeout(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

// Waits until the socket is readable. One look costs nothing even where a deadline has passed.
OrVerdict<void> AwaitReadable(int socket, const Deadlines& deadlines, Clock::time_point silence_end, int cancel_fd) {
  while (true) {
    std::array<pollfd, 2> fds = {{{socket, POLLIN, 0}, {cancel_fd, POLLIN, 0}}};
    const int timeout = PollTimeout(std::min(deadlines.total, silence_end));
    const int count = ::poll(fds.data(), fds.size(), timeout);
    if (count < 0 && errno != EINTR) return Because(v1::REASON_INTERNAL, "poll failed");
    if (count > 0 && fds[1].revents != 0) return Because(v1::REASON_CANCELLED);
    if (Clock::now() >= deadlines.total) return Because(v1::REASON_TIMEOUT_TOTAL);
    if (count > 0 && fds[0].revents != 0) return {};
    if (Clock::now() >= silence_end) return Because(v1::REASON_TIMEOUT_SILENCE);
  }
}

}  // namespace

// Which frame may come when, and what it leads to.
struct FrameReader::FrameRow {
  worker::v1::Frame::BodyCase kind;
  State from;
  State to;
};

FrameReader::FrameReader(int socket, FrameCaps caps)
    : socket_(socket), caps_(caps), buffer_(std::make_unique_for_overwrite<uint8_t[]>(kBufferBytes)) {}

OrVerdict<std::optional<Received>> FrameReader::Next(const Deadlines& deadlines, int cancel_fd) {
  const Clock::time_point silence_end = Clock::now() + deadlines.silence;
  while (true) {
    AIRLOCK_ASSIGN(const bool there, FrameIsThere());
    if (there) {
      AIRLOCK_ASSIGN(Received received, TakeFrame());
      return std::optional<Received>(std::move(received));
    }
    AIRLOCK_ASSIGN(const size_t got, Fill(deadlines, silence_end, cancel_fd));
    if (got > 0) continue;
    if (buffered() == 0) return std::optional<Received>();
    cut_off_ = true;
    return Protocol("frame: end of file inside a frame");
  }
}

OrVerdict<size_t> FrameReader::Fill(const Deadlines& deadlines, Clock::time_point silence_end, int cancel_fd) {
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, buffered());
    end_ -= begin_;
    begin_ = 0;
  }
  while (true) {
    AIRLOCK_TRY(AwaitReadable(socket_, deadlines, silence_end, cancel_fd));
    const ssize_t got = ::recv(socket_, buffer_.get() + end_, kBufferBytes - end_, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0 && errno != ECONNRESET) return Because(v1::REASON_INTERNAL, "recv failed");
    const size_t count = got < 0 ? 0 : static_cast<size_t>(got);
    if (count > 0 && state_ == State::kDone) return Protocol("frame: bytes after DONE");
    bytes_ += count;
    if (bytes_ > caps_.max_bytes) return Protocol("frame: more bytes than one load can need");
    end_ += count;
    return count;
  }
}

uint32_t FrameReader::FrontLength() const {
  const uint8_t* at = buffer_.get() + begin_;
  return uint32_t{at[0]} | uint32_t{at[1]} << 8 | uint32_t{at[2]} << 16 | uint32_t{at[3]} << 24;
}

OrVerdict<bool> FrameReader::FrameIsThere() const {
  if (state_ == State::kDone && buffered() > 0) return Protocol("frame: bytes after DONE");
  if (buffered() < kPrefixBytes) return false;
  const uint32_t length = FrontLength();
  if (length == 0) return Protocol("frame: length 0");
  if (length > kMaxFrameBytes) return Protocol("frame: length over the cap");
  return buffered() >= kPrefixBytes + length;
}

OrVerdict<Received> FrameReader::TakeFrame() {
  const uint32_t length = FrontLength();
  const uint8_t* const encoded = buffer_.get() + begin_ + kPrefixBytes;
  begin_ += kPrefixBytes + length;
  if (++frames_ > caps_.max_frames) return Protocol("frame: more frames than one load can need");
  worker::v1::Frame frame;
  if (!frame.ParseFromArray(encoded, static_cast<int>(length))) return Protocol("frame: not a Frame");
  frame.DiscardUnknownFields();
  if (frame.ByteSizeLong() != length) return Protocol("frame: not canonical");
  const auto kind = frame.body_case();
  AIRLOCK_TRY(Advance(kind));
  v1::PlanChunk piece;
  if (kind == worker::v1::Frame::kPlan) piece.Swap(frame.mutable_plan());
  return Received{kind, Tainted(std::move(piece)), Tainted(std::move(frame))};
}

OrVerdict<void> FrameReader::Advance(worker::v1::Frame::BodyCase kind) {
  static constexpr std::array<FrameRow, 3> kOrder = {{
      {worker::v1::Frame::kReady, State::kStart, State::kReady},
      {worker::v1::Frame::kPlan, State::kReady, State::kReady},
      {worker::v1::Frame::kDone, State::kReady, State::kDone},
  }};
  for (const FrameRow& row : kOrder) {
    if (row.kind != kind || row.from != state_) continue;
    state_ = row.to;
    return {};
  }
  return Protocol("frame: out of order");
}

}  // namespace airlock::server
