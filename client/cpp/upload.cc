#include "client/cpp/upload.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace airlock {
namespace {

constexpr uint64_t kChunkBytes = 512 << 10;

}  // namespace

bool ReadChunk(int fd, uint64_t offset, uint64_t size, v1::UploadChunk* chunk) {
  std::string& data = *chunk->mutable_data();
  data.resize(std::min(kChunkBytes, size - offset));
  size_t filled = 0;
  while (filled < data.size()) {
    const ssize_t length = pread(fd, data.data() + filled, data.size() - filled, static_cast<off_t>(offset + filled));
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return false;
    filled += static_cast<size_t>(length);
  }
  chunk->set_finish(offset + filled == size);
  return true;
}

}  // namespace airlock
