#include "sandbox/walls/filter_load.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

namespace airlock::walls {

WallResult LoadFilter(std::span<const sock_filter> program) {
  if (program.empty() || program.size() > std::numeric_limits<unsigned short>::max()) {
    return WallFailure("size of the filter", EINVAL);
  }
  // The kernel does not write through the pointer.
  const sock_fprog argument{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0L, &argument) != 0) return WallFailure("seccomp", errno);
  return {};
}

WallResult ConfirmFilter() {
  if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTER) return WallFailure("PR_GET_SECCOMP", EPERM);
  return {};
}

}  // namespace airlock::walls
