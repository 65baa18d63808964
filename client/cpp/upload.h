// Upload: local files, one after the other, as the chunks of a stream, each read straight into the buffer that gRPC
// sends. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "client/cpp/byte_call.h"

namespace airlock {

// A file that is sent, in the size that was announced.
struct SentFile {
  int fd = -1;
  uint64_t size = 0;
};

class Upload {
 public:
  // REQUIRES: the descriptors outlive this, and all sizes together are a number.
  explicit Upload(std::vector<SentFile> files);

  // The next chunk, as a message with its finish marker at the end of the last file. Nothing where a file has become
  // shorter. REQUIRES: the last one has not been made.
  std::optional<OutgoingMessage> Next();

  uint64_t done() const { return done_; }
  uint64_t size() const { return size_; }

 private:
  bool Read(uint8_t* to, size_t size);

  const std::vector<SentFile> files_;
  uint64_t size_ = 0;
  uint64_t done_ = 0;
  size_t file_ = 0;
  uint64_t offset_ = 0;  // in it
};

}  // namespace airlock
