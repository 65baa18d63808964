// LocalFolder: the files of a folder of this machine, opened for reading, as one set. Files, and links to files: caches
// of checkpoints are full of those, and whose they are is the caller's own affair. Folders and devices are passed over.
#pragma once

#include <string>
#include <vector>

#include "airlock/error.h"
#include "client/cpp/local_file.h"

namespace airlock {

struct LocalFolder {
  // In the order of their names.
  std::vector<std::string> names;
  std::vector<LocalFile> files;
  // Some of them are links, which a daemon that is given the path does not follow.
  bool has_links = false;
  // The last part of the path; empty where it cannot travel in a request.
  std::string name;
};

// Fails as LIMIT_EXCEEDED where it holds more files than any daemon takes.
ClientResult<LocalFolder> OpenLocalFolder(const std::string& path);

bool IsFolder(const std::string& path);

}  // namespace airlock
