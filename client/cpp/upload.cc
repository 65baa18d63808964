#include "client/cpp/upload.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace airlock {
namespace {

constexpr uint64_t kChunkBytes = 512 << 10;

bool ReadAt(int fd, uint64_t offset, char* out, size_t size) {
  size_t filled = 0;
  while (filled < size) {
    const ssize_t length = pread(fd, out + filled, size - filled, static_cast<off_t>(offset + filled));
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return false;
    filled += static_cast<size_t>(length);
  }
  return true;
}

}  // namespace

bool SentFiles::Next(v1::UploadChunk* chunk) {
  std::string& data = *chunk->mutable_data();
  data.clear();
  for (; file_ < files_.size() && data.size() < kChunkBytes; offset_ = 0, ++file_) {
    const SentFile& file = files_[file_];
    const size_t before = data.size();
    const auto want = static_cast<size_t>(std::min(kChunkBytes - before, file.size - offset_));
    data.resize(before + want);
    if (!ReadAt(file.fd, offset_, data.data() + before, want)) return false;
    offset_ += want;
    if (offset_ < file.size) break;
  }
  chunk->set_finish(file_ == files_.size());
  return true;
}

}  // namespace airlock
