// PathSource: opens files that a caller names, under configured roots and nowhere else.
//
// Roots are opened once, at start. A path must be absolute, without "..", and is resolved beneath its root's descriptor
// without any symbolic link, so nobody who can write below a root can lead it elsewhere. Only regular files, and
// folders as the set of those in them (folder.h). Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/fd.h"
#include "server/source/input.h"
#include "server/verdict.h"

namespace airlock::server {

// How a path is resolved: with openat2, or one component after the other where a seccomp filter (systemd's
// RestrictSUIDSGID) answers openat2 with ENOSYS. For tests.
enum class Resolver : uint8_t { kBest, kComponents };

class PathSource {
 public:
  // Fails as BAD_REQUEST with the root that cannot be opened.
  static OrVerdict<PathSource> Open(const std::vector<std::string>& roots, Resolver resolver = Resolver::kBest);

  // `max_files`: as many as a folder may hold.
  OrVerdict<Input> OpenInput(const std::string& path, uint64_t max_files) const;

 private:
  struct Root {
    // Without a trailing slash; "/" is the empty string.
    std::string path;
    Fd fd;
  };

  // The longest root above `path`; nothing where it is under none.
  const Root* RootOf(std::string_view path) const;

  std::vector<Root> roots_;
  Resolver resolver_ = Resolver::kBest;
};

}  // namespace airlock::server
