#include "client/cli/file_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <iterator>
#include <memory>
#include <string_view>

namespace airlock::cli {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// Null, with errno set, where it cannot be read.
Directory Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  Directory directory(fdopendir(fd));
  if (directory == nullptr) close(fd);
  return directory;
}

std::string Joined(const std::string& directory, std::string_view name) {
  std::string path = directory;
  if (path.empty() || path.back() != '/') path += '/';
  return path.append(name);
}

constexpr std::string_view kMetadata = ".metadata";

bool IsPartOfOne(const std::string& name) { return name == kMetadata || name.ends_with(".distcp"); }

// Of version control: its own files, compressed objects of history foremost.
constexpr std::string_view kVersionControl[] = {".git", ".hg", ".svn"};

bool IsVersionControl(std::string_view path) {
  const std::string_view name = path.substr(path.find_last_of('/') + 1);
  return std::find(std::begin(kVersionControl), std::end(kVersionControl), name) != std::end(kVersionControl);
}

// As torch.distributed.checkpoint writes one.
bool IsDistributedCheckpoint(const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), kMetadata) != names.end() &&
         std::count_if(names.begin(), names.end(), IsPartOfOne) > 1;
}

}  // namespace

FileWalk::FileWalk(const std::vector<std::string>& names, bool local) : local_(local) {
  for (const std::string& name : names) entries_.push_back({name, true});
  std::reverse(entries_.begin(), entries_.end());
}

// Puts what the directory holds before all that is left. False, with errno set, where it cannot be read to its end.
bool FileWalk::Enter(const std::string& path) {
  const Directory directory = Open(path);
  if (directory == nullptr) return false;
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return false;
  const bool checkpoint = IsDistributedCheckpoint(names);
  if (checkpoint) std::erase_if(names, IsPartOfOne);
  std::sort(names.begin(), names.end(), std::greater<>());
  for (const std::string& name : names) entries_.push_back({Joined(path, name), false});
  if (checkpoint) entries_.push_back({path, false, true});
  return true;
}

std::optional<FileWalk::Found> FileWalk::Next() {
  while (!entries_.empty()) {
    const Entry entry = std::move(entries_.back());
    entries_.pop_back();
    Found found{entry.path, entry.named, entry.folder, std::nullopt};
    if (entry.folder) return found;
    struct stat status = {};
    const int flags = entry.named ? 0 : AT_SYMLINK_NOFOLLOW;
    if (!local_ || fstatat(AT_FDCWD, entry.path.c_str(), &status, flags) != 0) return found;
    if (S_ISDIR(status.st_mode)) {
      if (!entry.named && IsVersionControl(entry.path)) {
        ++histories_;
        continue;
      }
      if (Enter(entry.path)) continue;
      found.error = MakeError(v1::REASON_PATH_NOT_ALLOWED, std::string("cannot be read: ") + strerror(errno));
      return found;
    }
    if (entry.named || S_ISREG(status.st_mode)) return found;
    ++(S_ISLNK(status.st_mode) ? links_ : others_);
  }
  return std::nullopt;
}

}  // namespace airlock::cli
