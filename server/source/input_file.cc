#include "server/source/input_file.h"

#include <utility>

namespace airlock::server {

OrVerdict<InputFile> InputFile::Take(Fd fd) {
  struct stat opened {};
  if (::fstat(fd.get(), &opened) != 0) return Because(v1::REASON_INTERNAL, "fstat failed");
  if (!S_ISREG(opened.st_mode)) {
    return Because(v1::REASON_NOT_A_REGULAR_FILE, S_ISDIR(opened.st_mode) ? "a directory" : "a FIFO, socket or device");
  }
  return InputFile(std::move(fd), opened);
}

OrVerdict<void> InputFile::CheckUnchanged() const {
  struct stat now {};
  if (::fstat(fd_.get(), &now) != 0) return Because(v1::REASON_INTERNAL, "fstat failed");
  const bool same = now.st_dev == opened_.st_dev && now.st_ino == opened_.st_ino && now.st_size == opened_.st_size &&
                    now.st_mtim.tv_sec == opened_.st_mtim.tv_sec && now.st_mtim.tv_nsec == opened_.st_mtim.tv_nsec;
  if (!same) return Because(v1::REASON_INPUT_CHANGED);
  return {};
}

}  // namespace airlock::server
