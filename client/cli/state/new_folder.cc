#include "client/cli/state/new_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace airlock::cli {
namespace {

bool IsFolder(const std::string& path) {
  struct stat there = {};
  return stat(path.c_str(), &there) == 0 && S_ISDIR(there.st_mode);
}

}  // namespace

ClientResult<NewFolder> NewFolder::Create(const std::string& path) {
  NewFolder folder;
  for (size_t end = 0; end < path.size();) {
    end = path.find('/', end + 1);
    end = end == std::string::npos ? path.size() : end;
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), 0777) == 0) {
      folder.made_.push_back(part);
    } else if (const int error = errno; !IsFolder(part)) {
      return Unexpected{MakeError(v1::OUTCOME_INTERNAL, "cannot make the folder " + part + ": " + strerror(error))};
    }
  }
  return folder;
}

NewFolder::NewFolder(NewFolder&& other) noexcept : made_(std::exchange(other.made_, {})) {}

NewFolder::~NewFolder() {
  for (auto part = made_.rbegin(); part != made_.rend(); ++part) rmdir(part->c_str());
}

}  // namespace airlock::cli
