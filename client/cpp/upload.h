// Upload: local files, one after the other, as the chunks of a stream, each read straight into the buffer that gRPC
// sends. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "client/cpp/byte_call.h"
#include "client/cpp/local_file.h"

namespace airlock {

class Upload {
 public:
  // Each in the size that it had when it was opened. REQUIRES: the files outlive this, and all sizes together are a
  // number.
  explicit Upload(std::span<const LocalFile> files);

  // The next chunk, as a message with its finish marker at the end of the last file. Nothing where a file is not what
  // it was when it was opened; that is looked at before the last one. REQUIRES: the last one has not been made.
  std::optional<OutgoingMessage> Next();

  uint64_t done() const { return done_; }
  uint64_t size() const { return size_; }

 private:
  bool Read(uint8_t* to, size_t size);
  bool Unchanged() const;

  const std::span<const LocalFile> files_;
  uint64_t size_ = 0;
  uint64_t done_ = 0;
  size_t file_ = 0;
  uint64_t offset_ = 0;  // in it
};

}  // namespace airlock
