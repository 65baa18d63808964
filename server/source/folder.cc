#include "server/source/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/text.h"

namespace airlock::server {
namespace {

constexpr int kOpenFlags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
// Entries of any kind that are looked at for each file that may be there.
constexpr uint64_t kEntriesAFile = 16;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

bool IsRegular(int folder, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_REG;
  struct stat found {};
  return ::fstatat(folder, entry.d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(found.st_mode);
}

Unexpected<Verdict> TooMany(uint64_t max_files) {
  return Unexpected<Verdict>{Verdict::Limit("files", max_files, max_files + 1)};
}

OrVerdict<std::vector<std::string>> NamesIn(DIR* directory, uint64_t max_files) {
  std::vector<std::string> names;
  uint64_t entries = 0;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(directory);
    if (entry == nullptr) break;
    if (++entries > kEntriesAFile * (max_files + 1)) return TooMany(max_files);
    if (!IsRegular(::dirfd(directory), *entry)) continue;
    if (names.size() >= max_files) return TooMany(max_files);
    names.emplace_back(entry->d_name);
  }
  if (errno != 0) return Because(v1::REASON_INTERNAL, std::string("reading the folder: ") + std::strerror(errno));
  std::sort(names.begin(), names.end());
  return names;
}

// As it goes into messages: what a Linux name may be, protobuf's strings may not.
bool IsUtf8(const std::string& name) {
  std::string out;
  AppendUtf8(name, out);
  return IsWtf8(name) && out == name;
}

OrVerdict<InputFile> OpenIn(int folder, const std::string& name) {
  if (!IsUtf8(name)) return Because(v1::REASON_BAD_REQUEST, "a file of the folder has a name that is not UTF-8");
  Fd fd(::openat(folder, name.c_str(), kOpenFlags));
  if (fd) return InputFile::Take(std::move(fd));
  const std::string what = "a file of the folder: ";
  if (errno == EACCES || errno == EPERM) return Because(v1::REASON_PATH_NOT_ALLOWED, what + std::strerror(errno));
  // It was there, and a regular file, a moment ago.
  return Because(errno == EMFILE || errno == ENFILE ? v1::REASON_INTERNAL : v1::REASON_INPUT_CHANGED,
                 what + std::strerror(errno));
}

}  // namespace

OrVerdict<Input> OpenFolder(Fd folder, uint64_t max_files) {
  const Directory directory(::fdopendir(folder.get()));
  if (!directory) return Because(v1::REASON_INTERNAL, std::string("fdopendir: ") + std::strerror(errno));
  (void)folder.Release();
  AIRLOCK_ASSIGN(const std::vector<std::string> names, NamesIn(directory.get(), max_files));
  if (names.empty()) return Because(v1::REASON_NOT_A_REGULAR_FILE, "a folder without files");
  std::vector<InputFile> parts;
  FileList files;
  for (const std::string& name : names) {
    AIRLOCK_ASSIGN(InputFile part, OpenIn(::dirfd(directory.get()), name));
    parts.push_back(std::move(part));
    files.Add()->set_name(name);
  }
  return Input::Set(std::move(parts), std::move(files));
}

}  // namespace airlock::server
