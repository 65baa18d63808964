#include "server/socket_mode.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "sandbox/base/fd.h"

namespace airlock::server {

bool SetSocketMode(const std::string& path, mode_t mode) {
  const Fd socket(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!socket || ::fstat(socket.get(), &found) != 0) return false;
  if (!S_ISSOCK(found.st_mode)) {
    errno = ENOTSOCK;
    return false;
  }
  // fchmod takes no such descriptor.
  return ::chmod(("/proc/self/fd/" + std::to_string(socket.get())).c_str(), mode) == 0;
}

}  // namespace airlock::server
