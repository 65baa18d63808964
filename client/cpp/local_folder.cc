#include "client/cpp/local_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace airlock {
namespace {

// As Limits.files has it at most.
constexpr size_t kMaxFiles = 250;
constexpr size_t kMaxName = 256;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Unexpected<ClientError> CannotRead(int error) {
  if (error == ENOENT || error == ENOTDIR) return Unexpected{MakeError(v1::REASON_PATH_NOT_FOUND)};
  return Unexpected{MakeError(v1::REASON_PATH_NOT_ALLOWED, std::string("cannot be read: ") + strerror(error))};
}

// Of files, and of links to files.
ClientResult<std::vector<std::string>> NamesIn(DIR* directory, bool* has_links) {
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(directory);
    if (entry == nullptr) break;
    struct stat status = {};
    if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const bool link = S_ISLNK(status.st_mode);
    if (link && fstatat(dirfd(directory), entry->d_name, &status, 0) != 0) continue;
    if (!S_ISREG(status.st_mode)) continue;
    if (names.size() >= kMaxFiles) {
      return Unexpected{MakeError(v1::REASON_LIMIT_EXCEEDED,
                                  "files: more than the " + std::to_string(kMaxFiles) + " that a set may have")};
    }
    *has_links = *has_links || link;
    names.emplace_back(entry->d_name);
  }
  if (errno != 0) return CannotRead(errno);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

ClientResult<LocalFolder> OpenLocalFolder(const std::string& path) {
  const Directory directory(opendir(path.c_str()));
  if (directory == nullptr) return CannotRead(errno);
  LocalFolder folder;
  AIRLOCK_ASSIGN(folder.names, NamesIn(directory.get(), &folder.has_links));
  if (folder.names.empty()) return Unexpected{MakeError(v1::REASON_NOT_A_REGULAR_FILE, "a folder without files")};
  for (const std::string& name : folder.names) {
    if (!IsUtf8(name)) return Unexpected{MakeError(v1::REASON_BAD_REQUEST, "a name in the folder is not UTF-8")};
    AIRLOCK_ASSIGN(LocalFile file, OpenLocalFile(path + "/" + name));
    folder.files.push_back(std::move(file));
  }
  const std::string real_path = RealPath(path);
  folder.name = real_path.substr(real_path.rfind('/') + 1);
  if (folder.name.size() > kMaxName) folder.name.clear();
  return folder;
}

bool IsFolder(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace airlock
