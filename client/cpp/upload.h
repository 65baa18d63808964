// Upload: sends a local file in chunks on a stream, from its own thread, while the caller's thread reads the answer.
// One write is under way at a time, so a daemon that reads slowly slows the reading of the file and no memory fills.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>
#include <utility>

#include "airlock/error.h"
#include "airlock/v1/loader.pb.h"

namespace airlock {

// Reads the piece of at most 512 KiB at `offset` into `chunk`, and sets its finish marker at the end of the `size`
// bytes that were announced. False where the file has become shorter.
bool ReadChunk(int fd, uint64_t offset, uint64_t size, v1::UploadChunk* chunk);

template <typename Stream, typename Request>
class Upload {
 public:
  // REQUIRES: all outlive this. `sent` is called on the thread of the upload.
  Upload(Stream& stream, int fd, uint64_t size, std::function<void(uint64_t)> sent, std::function<void()> cancel)
      : stream_(stream), fd_(fd), size_(size), sent_(std::move(sent)), cancel_(std::move(cancel)), thread_([this] {
          Run();
        }) {}

  // Waits for the thread; true if the file changed while it was sent.
  bool Join() {
    thread_.join();
    return changed_;
  }

 private:
  void Run() {
    uint64_t offset = 0;
    for (bool finish = false; !finish;) {
      Request request;
      if (!ReadChunk(fd_, offset, size_, request.mutable_chunk())) {
        changed_ = true;
        cancel_();
        return;
      }
      offset += request.chunk().data().size();
      finish = request.chunk().finish();
      if (!stream_.Write(request)) return;  // the call is over: its status says why
      sent_(offset);
    }
    stream_.WritesDone();
  }

  Stream& stream_;
  const int fd_;
  const uint64_t size_;
  const std::function<void(uint64_t)> sent_;
  const std::function<void()> cancel_;
  bool changed_ = false;
  std::thread thread_;
};

}  // namespace airlock
