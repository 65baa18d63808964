#include "server/descriptors/handed_in.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace airlock::server {

OrVerdict<void> CheckHandedIn(int fd, const v1::File& file) {
  struct statx found {};
  const unsigned int wanted = STATX_TYPE | STATX_SIZE;
  if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, wanted, &found) != 0 || (found.stx_mask & wanted) != wanted) {
    return Because(v1::REASON_BAD_REQUEST, "nothing is known of the descriptor");
  }
  if (!S_ISREG(found.stx_mode)) {
    return Because(v1::REASON_NOT_A_REGULAR_FILE, S_ISDIR(found.stx_mode) ? "a directory" : "a FIFO, socket or device");
  }
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0 || (flags & O_ACCMODE) != O_RDONLY) {
    return Because(v1::REASON_BAD_REQUEST, "the descriptor is not opened for reading only");
  }
  if (found.stx_size != file.size()) return Because(v1::REASON_INPUT_CHANGED, "it is not of the size that was told");
  return {};
}

}  // namespace airlock::server
