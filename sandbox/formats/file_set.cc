#include "sandbox/formats/file_set.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "sandbox/base/checked.h"

namespace airlock::formats {

Result<void> ReadFully(int fd, uint64_t offset, std::span<uint8_t> out, uint64_t reported) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t count = ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    // Shorter than it was when the broker opened it, or not readable: no difference to a file cut off here.
    if (count <= 0) return Fail(Reason::kTruncated, "the file is shorter than announced", reported + done);
    done += static_cast<size_t>(count);
  }
  return {};
}

FileSet::FileSet(std::span<const Named> files, std::span<const int> fds) {
  const bool apart = fds.size() > 1;
  for (const Named& file : files) {
    const auto end = CheckedAdd(size_, file.size);
    if (!end || fds.empty() || (apart && files_.size() >= fds.size())) std::abort();
    files_.push_back({.name = file.name,
                      .size = file.size,
                      .start = size_,
                      .fd = fds[apart ? files_.size() : 0],
                      .fd_start = apart ? 0 : size_});
    size_ = *end;
  }
}

const SetFile* FileSet::Find(std::string_view name) const {
  const auto found = std::ranges::find(files_, name, &SetFile::name);
  return found == files_.end() ? nullptr : &*found;
}

const SetFile& FileSet::At(uint64_t offset) const {
  const auto after = std::ranges::upper_bound(files_, offset, {}, &SetFile::start);
  return *std::prev(after);
}

const SetFile* FileSet::Holding(uint64_t offset, uint64_t length) const {
  if (files_.empty()) return nullptr;
  const SetFile& file = At(offset);
  return SpanFits(offset - file.start, length, file.size) ? &file : nullptr;
}

Result<void> FileSet::ReadAt(uint64_t offset, std::span<uint8_t> out) const {
  while (!out.empty()) {
    const SetFile& file = At(offset);
    const uint64_t at = offset - file.start;
    const auto count = static_cast<size_t>(std::min<uint64_t>(out.size(), file.size - at));
    AIRLOCK_TRY(ReadFully(file.fd, file.fd_start + at, out.first(count), offset));
    out = out.subspan(count);
    offset += count;
  }
  return {};
}

}  // namespace airlock::formats
