#include "sandbox/worker/frame_writer.h"

#include <unistd.h>

#include <cerrno>
#include <string>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/spawner/worker_exit.h"
#include "sandbox/walls/worker_fds.h"

namespace airlock::worker {
namespace {

constexpr size_t kPrefix = 4;

}  // namespace

void WriteBytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(walls::kSocketFd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(spawner::kWorkerBrokerGone);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void WriteEncodedFrame(std::string_view encoded) {
  std::string framed(kPrefix, '\0');
  WriteFramed(framed.append(encoded));
}

// One write a frame.
void WriteFramed(std::span<char> framed) {
  const size_t length = framed.size() - kPrefix;
  if (length > kMaxFrameBytes) _exit(spawner::kWorkerTerminated);
  for (size_t i = 0; i < kPrefix; ++i) framed[i] = static_cast<char>(length >> (8 * i));
  WriteBytes({framed.data(), framed.size()});
}

void WriteFrame(const v1::Frame& frame) { WriteEncodedFrame(frame.SerializeAsString()); }

}  // namespace airlock::worker
