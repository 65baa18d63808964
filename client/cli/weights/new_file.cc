#include "client/cli/weights/new_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace airlock::cli {
namespace {

constexpr int kAttempts = 100;
constexpr uint64_t kCopyBytes = 64 << 20;
constexpr uint64_t kBufferBytes = 1 << 20;

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string TemporaryBeside(const std::string& path) {
  uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) random = static_cast<uint64_t>(getpid());
  char suffix[32];
  snprintf(suffix, sizeof suffix, ".airlock-%016llx", static_cast<unsigned long long>(random));
  return DirectoryOf(path) + "/" + suffix;
}

}  // namespace

Unexpected<ClientError> NewFile::Failed(int error) const {
  return Unexpected{MakeError(v1::OUTCOME_INTERNAL, "cannot write " + destination_ + ": " + strerror(error))};
}

ClientResult<NewFile> NewFile::Create(const std::string& destination) {
  for (int i = 0; i < kAttempts; ++i) {
    std::string temporary = TemporaryBeside(destination);
    Fd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (fd) return NewFile(destination, std::move(temporary), std::move(fd));
    if (errno != EEXIST) break;
  }
  return NewFile(destination, "", Fd()).Failed(errno);
}

NewFile::NewFile(NewFile&& other) noexcept
    : destination_(std::move(other.destination_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)) {}

NewFile::~NewFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

ClientResult<void> NewFile::WriteAt(uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed(errno);
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return {};
}

ClientResult<void> NewFile::CopyAt(uint64_t offset, int from, uint64_t start, uint64_t bytes) {
  while (bytes > 0) {
    AIRLOCK_ASSIGN(const uint64_t copied, CopySome(offset, from, start, std::min(bytes, kCopyBytes)));
    offset += copied;
    start += copied;
    bytes -= copied;
  }
  return {};
}

// At least one byte.
ClientResult<uint64_t> NewFile::CopySome(uint64_t offset, int from, uint64_t start, uint64_t bytes) {
  auto in = static_cast<off64_t>(start);
  auto out = static_cast<off64_t>(offset);
  // Within a file system it may move no byte at all; between two of them, or where it knows neither, it refuses.
  ssize_t copied = copy_file_range(from, &in, fd_.get(), &out, bytes, 0);
  if (copied < 0 && lseek(fd_.get(), out, SEEK_SET) == out) copied = sendfile(fd_.get(), from, &in, bytes);
  if (copied > 0) return static_cast<uint64_t>(copied);
  std::string buffer(std::min(bytes, kBufferBytes), '\0');
  do {
    copied = pread(from, buffer.data(), buffer.size(), static_cast<off_t>(start));
  } while (copied < 0 && errno == EINTR);
  if (copied <= 0) return Unexpected{MakeError(v1::REASON_INPUT_CHANGED)};
  AIRLOCK_TRY(WriteAt(offset, std::string_view(buffer).substr(0, static_cast<size_t>(copied))));
  return static_cast<uint64_t>(copied);
}

ClientResult<void> NewFile::Sync() {
  if (fsync(fd_.get()) != 0) return Failed(errno);
  return {};
}

ClientResult<void> NewFile::Rename(Existing existing) {
  const char* from = temporary_.c_str();
  const char* to = destination_.c_str();
  if (existing == Existing::kKeep) {
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return {};
    // Some file systems know no such flag; linking to a name that is taken fails on all of them.
    if (errno != EINVAL || link(from, to) != 0) return Failed(errno);
    unlink(from);
    return {};
  }
  if (rename(from, to) != 0) return Failed(errno);
  return {};
}

ClientResult<void> NewFile::Commit(Existing existing) {
  AIRLOCK_TRY(Sync());
  AIRLOCK_TRY(Rename(existing));
  temporary_.clear();
  // The name, too, should survive a power cut; where the directory cannot be synced, the file is there all the same.
  const Fd directory(open(DirectoryOf(destination_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) (void)fsync(directory.get());
  return {};
}

}  // namespace airlock::cli
