// PayloadPump: sends the storages' bytes through a unix socket of their own, where gRPC would copy them twice more. The
// kernel hands over the pages of the file itself (sendfile); only storages too small for that pass through a buffer.
//
// The socket is the broker's own, so it never blocks, and nothing comes in by it (descriptor_desk.cc). A caller that is
// slow for a moment is waited for on the thread that sends, any other one by the SocketWatch: it costs no thread, and
// of the broker's memory one buffer. The caller closes its end when it has all; until then the bytes may still be on
// their way, and the file is not let go.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "sandbox/base/fd.h"
#include "server/pool/cancellation.h"
#include "server/pool/job_queue.h"
#include "server/service/payload_cursor.h"
#include "server/service/socket_watch.h"
#include "server/verdict.h"

namespace airlock::server {

class PayloadPump {
 public:
  using Clock = std::chrono::steady_clock;
  // Success: the caller has all bytes. CANCELLED, INPUT_CHANGED, INTERNAL.
  using Done = std::function<void(OrVerdict<void>)>;

  // `waiting_since`: set to the time since when it waits for the caller; max while it does not. It and all the other
  // references must outlive the pump.
  PayloadPump(JobQueue& threads, SocketWatch& watch, Fd socket, const PayloadCursor& cursor,
              const Cancellation& cancellation, std::atomic<Clock::rep>& waiting_since);

  // Sends all, and closes the socket; then `done` is called once, on one of the threads, and may destroy the pump.
  void Start(Done done);

 private:
  enum class Step : uint8_t { kMore, kFull, kSent };

  // Sends for as long as the caller takes it, then waits for it.
  void Run();
  OrVerdict<Step> Send();
  OrVerdict<Step> SendFile(const PayloadCursor::Span& span);
  OrVerdict<Step> SendBuffer();
  OrVerdict<void> FillBuffer();
  // The end of the caller: kFull until it is there.
  OrVerdict<Step> AwaitEnd();
  void WaitFor(uint32_t events);
  void Finish(OrVerdict<void> result);

  JobQueue& threads_;
  SocketWatch& watch_;
  Fd socket_;
  PayloadCursor cursor_;
  const Cancellation& cancellation_;
  Done done_;
  std::atomic<Clock::rep>& waiting_since_;
  // Not every file system lets its pages go.
  bool by_file_ = true;
  std::vector<uint8_t> buffer_;
  size_t buffered_ = 0;
  // Of those, how many have been sent.
  size_t sent_ = 0;
};

}  // namespace airlock::server
