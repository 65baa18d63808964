// A worker's whole stream, as bytes: the frame reader and, behind it, the validator must end with a verdict. The same
// bytes are what it has written to each column of the graph.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "sandbox/base/fd.h"
#include "server/frame_reader.h"
#include "server/validate/validator.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace airlock::server;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return 0;
  const airlock::Fd broker(ends[1]);
  {
    const airlock::Fd worker(ends[0]);
    (void)!::write(worker.get(), data, std::min<size_t>(size, 128 << 10));
  }
  auto file = GraphFile::Create(airlock::kMaxGraphRoom);
  if (!file.ok()) return 0;
  for (size_t i = 0; i < airlock::kGraphColumns; ++i) {
    (void)!::pwrite(file->fd(), data, std::min<size_t>(size, 4096), static_cast<off_t>(i * file->room()));
  }
  FrameReader reader(broker.get());
  Validator validator(airlock::Limits(), PlaceSizes{1 << 20, 1 << 20});
  const Deadlines deadlines{Clock::now() + std::chrono::seconds(5), std::chrono::seconds(5)};
  while (true) {
    auto next = reader.Next(deadlines);
    if (!next.ok() || !next->has_value()) return 0;
    auto& received = **next;
    using airlock::worker::v1::Frame;
    if (received.kind == Frame::kReady) (void)Validator::OpenReady(std::move(received.frame)).ok();
    if (received.kind == Frame::kPlan && !validator.Add(std::move(received.piece)).ok()) return 0;
    if (received.kind == Frame::kDone) (void)validator.Finish(std::move(received.frame), *file).ok();
  }
}
