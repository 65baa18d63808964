// GraphFileSink: columns into the graph file, by pwrite alone.
#pragma once

#include <unistd.h>

#include <cerrno>

#include "sandbox/worker/emit.h"

namespace airlock::worker {

// Borrows the descriptor.
class GraphFileSink final : public GraphSink {
 public:
  // `room`: bytes of each column's room in the file.
  GraphFileSink(int fd, uint64_t room) : GraphSink(room), fd_(fd) {}

  bool Write(size_t column, uint64_t offset, std::string_view bytes) override {
    uint64_t at = column * room() + offset;
    while (!bytes.empty()) {
      const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(written));
      at += static_cast<uint64_t>(written);
    }
    return true;
  }

 private:
  const int fd_;
};

}  // namespace airlock::worker
