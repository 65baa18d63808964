#include "server/source/input_file.h"

#include <fcntl.h>

#include <utility>

namespace airlock::server {
namespace {

OrVerdict<struct statx> Look(int fd, InputFile::Facts facts) {
  struct statx found {};
  const int flags = facts == InputFile::Facts::kKnownHere ? AT_STATX_DONT_SYNC : AT_STATX_SYNC_AS_STAT;
  const unsigned int wanted = STATX_TYPE | STATX_SIZE | STATX_INO | STATX_MTIME;
  if (::statx(fd, "", AT_EMPTY_PATH | flags, wanted, &found) != 0 || (found.stx_mask & wanted) != wanted) {
    return Because(v1::REASON_INTERNAL, "statx failed");
  }
  return found;
}

}  // namespace

OrVerdict<InputFile> InputFile::Take(Fd fd, Facts facts) {
  AIRLOCK_ASSIGN(const struct statx opened, Look(fd.get(), facts));
  if (!S_ISREG(opened.stx_mode)) {
    return Because(v1::REASON_NOT_A_REGULAR_FILE,
                   S_ISDIR(opened.stx_mode) ? "a directory" : "a FIFO, socket or device");
  }
  return InputFile(std::move(fd), facts, opened);
}

OrVerdict<void> InputFile::CheckUnchanged() const {
  AIRLOCK_ASSIGN(const struct statx now, Look(fd_.get(), facts_));
  const bool same = now.stx_dev_major == opened_.stx_dev_major && now.stx_dev_minor == opened_.stx_dev_minor &&
                    now.stx_ino == opened_.stx_ino && now.stx_size == opened_.stx_size &&
                    now.stx_mtime.tv_sec == opened_.stx_mtime.tv_sec &&
                    now.stx_mtime.tv_nsec == opened_.stx_mtime.tv_nsec;
  if (!same) return Because(v1::REASON_INPUT_CHANGED);
  return {};
}

}  // namespace airlock::server
