// FileWalk: the files that a command line names, and those in the directories that it names, however deep, in the order
// of their names' bytes. Symbolic links in directories are not followed, and what is no regular file is passed over;
// both are counted, and so are directories of version control (.git, .hg, .svn), which are left out. A distributed
// checkpoint (.metadata beside *.distcp) is handed out as a whole, and these files of it are not: none of them means
// anything by itself. What was named itself is always handed out, whatever it is, for whoever opens it to say so.
//
// No recursion; memory grows with the longest list of one directory's names, times the depth. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "airlock/error.h"

namespace airlock::cli {

class FileWalk {
 public:
  struct Found {
    std::string path;
    // On the command line, not found in a directory.
    bool named = false;
    // A directory that is one checkpoint.
    bool folder = false;
    // A directory that cannot be read.
    std::optional<ClientError> error;
  };

  // With `local` unset the names are those of another machine and handed out as they are.
  explicit FileWalk(const std::vector<std::string>& names, bool local = true);

  // Nothing at the end.
  std::optional<Found> Next();

  uint64_t links() const { return links_; }
  // Sockets, devices and the like.
  uint64_t others() const { return others_; }
  // Directories of version control.
  uint64_t histories() const { return histories_; }

 private:
  struct Entry {
    std::string path;
    bool named;
    bool folder = false;
  };

  bool Enter(const std::string& directory);

  const bool local_;
  // What is still to be looked at, the next one last.
  std::vector<Entry> entries_;
  uint64_t links_ = 0;
  uint64_t others_ = 0;
  uint64_t histories_ = 0;
};

}  // namespace airlock::cli
