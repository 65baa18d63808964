#include "server/service/payload_pump.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

namespace airlock::server {
namespace {

constexpr size_t kBufferBytes = size_t{32} << 10;
// Below it, handing pages over costs more than copying the bytes.
constexpr uint64_t kWorthPages = 16 << 10;
// Then others have their turn on this thread.
constexpr uint64_t kTurnBytes = uint64_t{64} << 20;
// A caller that reads as fast as it can is behind for some microseconds; to wake another thread takes longer.
constexpr int kPatienceMs = 1;
constexpr PayloadPump::Clock::rep kNotWaiting = std::numeric_limits<PayloadPump::Clock::rep>::max();

Unexpected<Verdict> Failed() {
  if (errno == EPIPE || errno == ECONNRESET) return Because(v1::REASON_CANCELLED, "the caller closed its end early");
  return Because(v1::REASON_INTERNAL, std::string("sending the payload: ") + std::strerror(errno));
}

}  // namespace

PayloadPump::PayloadPump(JobQueue& threads, SocketWatch& watch, Fd socket, const PayloadCursor& cursor,
                         const Cancellation& cancellation, std::atomic<Clock::rep>& waiting_since)
    : threads_(threads),
      watch_(watch),
      socket_(std::move(socket)),
      cursor_(cursor),
      cancellation_(cancellation),
      waiting_since_(waiting_since) {}

void PayloadPump::Start(Done done) {
  done_ = std::move(done);
  threads_.Post([this] { Run(); });
}

void PayloadPump::Run() {
  const uint64_t before = cursor_.remaining();
  while (!cancellation_.cancelled()) {
    const auto step = Send();
    if (!step.ok()) return Finish(Unexpected{step.error()});
    if (*step == Step::kSent) return Finish({});
    if (*step == Step::kFull) {
      const bool all_sent = cursor_.remaining() == 0 && sent_ == buffered_;
      // That the other end is gone is told in any case.
      pollfd ready{socket_.get(), static_cast<short>(all_sent ? 0 : POLLOUT), 0};
      if (::poll(&ready, 1, kPatienceMs) == 0) return WaitFor(all_sent ? 0U : EPOLLOUT);
    }
    if (before - cursor_.remaining() >= kTurnBytes) return threads_.Post([this] { Run(); });
  }
  Finish(Because(v1::REASON_CANCELLED));
}

OrVerdict<PayloadPump::Step> PayloadPump::Send() {
  if (sent_ < buffered_) return SendBuffer();
  if (cursor_.remaining() == 0) return AwaitEnd();
  if (by_file_) {
    const PayloadCursor::Span span = cursor_.Next();
    if (span.length >= kWorthPages) return SendFile(span);
  }
  AIRLOCK_TRY(FillBuffer());
  return Step::kMore;
}

OrVerdict<PayloadPump::Step> PayloadPump::SendFile(const PayloadCursor::Span& span) {
  auto offset = static_cast<off_t>(span.offset);
  const ssize_t sent = ::sendfile(socket_.get(), span.fd, &offset, std::min(span.length, kTurnBytes));
  if (sent == 0) return Because(v1::REASON_INPUT_CHANGED, "it became shorter");
  if (sent > 0) {
    cursor_.Advance(static_cast<uint64_t>(sent));
    return Step::kMore;
  }
  if (errno == EAGAIN || errno == EINTR) return Step::kFull;
  if (errno != EINVAL && errno != ENOSYS) return Failed();
  by_file_ = false;
  return Step::kMore;
}

OrVerdict<void> PayloadPump::FillBuffer() {
  buffer_.resize(kBufferBytes);
  buffered_ = sent_ = 0;
  while (buffered_ < buffer_.size() && cursor_.remaining() > 0) {
    if (by_file_ && buffered_ > 0 && cursor_.Next().length >= kWorthPages) break;
    AIRLOCK_ASSIGN(const size_t got, cursor_.Read(std::span(buffer_).subspan(buffered_)));
    buffered_ += got;
  }
  return {};
}

OrVerdict<PayloadPump::Step> PayloadPump::SendBuffer() {
  const ssize_t sent = ::send(socket_.get(), buffer_.data() + sent_, buffered_ - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR ? OrVerdict<Step>(Step::kFull) : Failed();
  sent_ += static_cast<size_t>(sent);
  return Step::kMore;
}

OrVerdict<PayloadPump::Step> PayloadPump::AwaitEnd() {
  pollfd end{socket_.get(), 0, 0};
  if (::poll(&end, 1, 0) <= 0) return Step::kFull;
  // An end that was closed before all was read is an error of the socket.
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return Failed();
  if (error == 0) return Step::kSent;
  errno = error;
  return Failed();
}

void PayloadPump::WaitFor(uint32_t events) {
  waiting_since_ = Clock::now().time_since_epoch().count();
  const auto go_on = [this] {
    waiting_since_ = kNotWaiting;
    threads_.Post([this] { Run(); });
  };
  if (!watch_.Wait(socket_.get(), events, cancellation_, go_on)) {
    Finish(Because(v1::REASON_INTERNAL, "the payload's socket cannot be waited for"));
  }
}

void PayloadPump::Finish(OrVerdict<void> result) {
  socket_.Close();
  // The last: it may destroy us.
  const Done done = std::move(done_);
  done(std::move(result));
}

}  // namespace airlock::server
