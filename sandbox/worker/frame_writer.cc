#include "sandbox/worker/frame_writer.h"

#include <unistd.h>

#include <cerrno>
#include <string>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/spawner/worker_exit.h"
#include "sandbox/walls/worker_fds.h"

namespace airlock::worker {

void WriteBytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(walls::kSocketFd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(spawner::kWorkerBrokerGone);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void WriteEncodedFrame(std::string_view encoded) {
  if (encoded.size() > kMaxFrameBytes) _exit(spawner::kWorkerTerminated);
  // One write a frame; the buffer is reused for the next.
  static std::string message;
  message.clear();
  for (int i = 0; i < 4; ++i) message.push_back(static_cast<char>(encoded.size() >> (8 * i)));
  message.append(encoded);
  WriteBytes(message);
}

void WriteFrame(const v1::Frame& frame) { WriteEncodedFrame(frame.SerializeAsString()); }

}  // namespace airlock::worker
