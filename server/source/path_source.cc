#include "server/source/path_source.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "server/source/folder.h"

namespace airlock::server {
namespace {

constexpr int kOpenFlags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
constexpr int kStepFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// A negative errno, or a descriptor.
int OpenBeneath(int root, const std::string& relative) {
  open_how how{};
  how.flags = kOpenFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, root, relative.c_str(), &how, sizeof(how));
  return fd < 0 ? -errno : static_cast<int>(fd);
}

std::vector<std::string> Components(std::string_view path) {
  std::vector<std::string> components;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view component = path.substr(0, slash);
    if (!component.empty() && component != ".") components.emplace_back(component);
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return components;
}

// One component after the other; O_NOFOLLOW at each, so no link is ever followed.
int OpenByComponents(int root, const std::vector<std::string>& components) {
  Fd held;
  int directory = root;
  for (size_t i = 0; i + 1 < components.size(); ++i) {
    Fd next(::openat(directory, components[i].c_str(), kStepFlags));
    if (!next) return -errno;
    held = std::move(next);
    directory = held.get();
  }
  const int fd = ::openat(directory, components.back().c_str(), kOpenFlags);
  return fd < 0 ? -errno : fd;
}

Verdict VerdictOfErrno(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Verdict(v1::REASON_PATH_NOT_FOUND);
    case ELOOP:
    case EXDEV:
      return Verdict(v1::REASON_PATH_NOT_ALLOWED, "a symbolic link on the way");
    case EACCES:
    case EPERM:
      return Verdict(v1::REASON_PATH_NOT_ALLOWED, "the daemon has no permission to read it");
    case ENAMETOOLONG:
      return Verdict(v1::REASON_BAD_REQUEST, "the path is too long");
    case ENXIO:
    case ENODEV:
      return Verdict(v1::REASON_NOT_A_REGULAR_FILE, "a socket or device");
    default:
      return Verdict(v1::REASON_INTERNAL, std::string("open: ") + std::strerror(error));
  }
}

std::string WithoutTrailingSlash(std::string path) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

OrVerdict<PathSource> PathSource::Open(const std::vector<std::string>& roots, Resolver resolver) {
  PathSource source;
  source.resolver_ = resolver;
  for (const std::string& root : roots) {
    Fd fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    char* resolved = ::realpath(root.c_str(), nullptr);
    const std::string canonical = resolved != nullptr ? resolved : "";
    std::free(resolved);
    if (!fd || canonical.empty()) return Because(v1::REASON_BAD_REQUEST, "root " + root + ": " + std::strerror(errno));
    // Callers may name files by the root as it was configured or as it is.
    Fd second(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!second) return Because(v1::REASON_INTERNAL, "dup failed");
    source.roots_.push_back({WithoutTrailingSlash(canonical), std::move(fd)});
    if (root[0] == '/' && WithoutTrailingSlash(root) != source.roots_.back().path) {
      source.roots_.push_back({WithoutTrailingSlash(root), std::move(second)});
    }
  }
  return source;
}

const PathSource::Root* PathSource::RootOf(std::string_view path) const {
  const Root* best = nullptr;
  for (const Root& root : roots_) {
    const bool above = path.substr(0, root.path.size()) == root.path && path.size() > root.path.size() &&
                       path[root.path.size()] == '/';
    const bool itself = path == root.path;
    if ((above || itself) && (best == nullptr || root.path.size() > best->path.size())) best = &root;
  }
  return best;
}

OrVerdict<Input> PathSource::OpenInput(const std::string& path, uint64_t max_files) const {
  if (path.empty() || path[0] != '/') return Because(v1::REASON_BAD_REQUEST, "the path is not absolute");
  if (path.size() >= PATH_MAX) return Because(v1::REASON_BAD_REQUEST, "the path is too long");
  if (path.find('\0') != std::string::npos) return Because(v1::REASON_BAD_REQUEST, "the path holds a NUL");
  const Root* root = RootOf(path);
  if (root == nullptr) return Because(v1::REASON_PATH_NOT_ALLOWED);
  auto components = Components(std::string_view(path).substr(root->path.size()));
  for (const std::string& component : components) {
    if (component == "..") return Because(v1::REASON_PATH_NOT_ALLOWED, "the path holds \"..\"");
  }
  if (components.empty()) components.emplace_back(".");
  std::string relative;
  for (const std::string& component : components) relative += (relative.empty() ? "" : "/") + component;
  int fd = resolver_ == Resolver::kBest ? OpenBeneath(root->fd.get(), relative) : -ENOSYS;
  if (fd == -ENOSYS) fd = OpenByComponents(root->fd.get(), components);
  if (fd < 0) return Unexpected<Verdict>{VerdictOfErrno(-fd)};
  Fd opened(fd);
  struct stat found {};
  if (::fstat(opened.get(), &found) == 0 && S_ISDIR(found.st_mode)) return OpenFolder(std::move(opened), max_files);
  AIRLOCK_ASSIGN(InputFile file, InputFile::Take(std::move(opened)));
  return Input(std::move(file));
}

}  // namespace airlock::server
