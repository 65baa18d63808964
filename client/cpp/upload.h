// Upload: sends local files in chunks on a stream, from its own thread, while the caller's thread reads the answer.
// One write is under way at a time, so a daemon that reads slowly slows the reading of the file and no memory fills.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "airlock/error.h"
#include "airlock/v1/loader.pb.h"

namespace airlock {

// A file that is sent, in the size that was announced.
struct SentFile {
  int fd = -1;
  uint64_t size = 0;
};

// The files one after the other, read in pieces of at most 512 KiB.
class SentFiles {
 public:
  explicit SentFiles(std::vector<SentFile> files) : files_(std::move(files)) {}

  // The next piece; sets its finish marker at the end of the last file. False where one has become shorter.
  bool Next(v1::UploadChunk* chunk);

 private:
  std::vector<SentFile> files_;
  size_t file_ = 0;
  uint64_t offset_ = 0;  // in it
};

template <typename Stream, typename Request>
class Upload {
 public:
  // REQUIRES: stream and descriptors outlive this. `sent` is called on the thread of the upload.
  Upload(Stream& stream, std::vector<SentFile> files, std::function<void(uint64_t)> sent, std::function<void()> cancel)
      : stream_(stream), files_(std::move(files)), sent_(std::move(sent)), cancel_(std::move(cancel)), thread_([this] {
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
      if (!files_.Next(request.mutable_chunk())) {
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
  SentFiles files_;
  const std::function<void(uint64_t)> sent_;
  const std::function<void()> cancel_;
  bool changed_ = false;
  std::thread thread_;
};

}  // namespace airlock
