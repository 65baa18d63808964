#include "client/cpp/local_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace airlock {
namespace {

constexpr size_t kMaxName = 256;

FileIdentity IdentityOf(const struct stat& status) {
  return {static_cast<uint64_t>(status.st_dev), static_cast<uint64_t>(status.st_ino),
          static_cast<uint64_t>(status.st_size), static_cast<int64_t>(status.st_mtim.tv_sec),
          static_cast<int64_t>(status.st_mtim.tv_nsec)};
}

const char* KindName(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a directory, not a file";
    case S_IFIFO:
      return "a FIFO, not a file";
    case S_IFSOCK:
      return "a socket, not a file";
    case S_IFCHR:
      return "a character device, not a file";
    case S_IFBLK:
      return "a block device, not a file";
    default:
      return "not a regular file";
  }
}

Unexpected<ClientError> OpenFailed(int error) {
  if (error == ENOENT || error == ENOTDIR) return Unexpected{MakeError(v1::REASON_PATH_NOT_FOUND)};
  if (error == ENXIO) return Unexpected{MakeError(v1::REASON_NOT_A_REGULAR_FILE, KindName(S_IFSOCK))};
  return Unexpected{MakeError(v1::REASON_PATH_NOT_ALLOWED, std::string("cannot be read: ") + strerror(error))};
}

}  // namespace

std::optional<uint64_t> SizeOfFile(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<uint64_t>(status.st_size);
}

ClientResult<LocalFile> OpenLocalFile(const std::string& path) {
  // Looked at before it is opened, because opening a device can do things; and again after, because it may have
  // changed.
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) return OpenFailed(errno);
  if (!S_ISREG(status.st_mode)) return Unexpected{MakeError(v1::REASON_NOT_A_REGULAR_FILE, KindName(status.st_mode))};
  LocalFile file;
  file.fd = Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.fd || fstat(file.fd.get(), &status) != 0) return OpenFailed(errno);
  if (!S_ISREG(status.st_mode)) return Unexpected{MakeError(v1::REASON_NOT_A_REGULAR_FILE, KindName(status.st_mode))};
  file.identity = IdentityOf(status);
  file.name = path.substr(path.rfind('/') + 1);
  if (file.name.size() > kMaxName || !IsUtf8(file.name)) file.name.clear();
  return file;
}

std::optional<FileIdentity> IdentityOf(int fd) {
  struct stat status = {};
  if (fstat(fd, &status) != 0) return std::nullopt;
  return IdentityOf(status);
}

std::string RealPath(const std::string& path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) != nullptr && IsUtf8(resolved) ? resolved : std::string();
}

bool IsUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) continue;
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || text.size() - i < static_cast<size_t>(more)) return false;
    uint32_t code = lead & (0x3f >> more);
    for (int k = 0; k < more; ++k) {
      const auto next = static_cast<unsigned char>(text[i++]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3f);
    }
    const uint32_t least = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
  }
  return true;
}

}  // namespace airlock
