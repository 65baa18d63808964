#include "sandbox/spawner/own_cgroup.h"

#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

namespace airlock::spawner {
namespace {

// A mount of cgroup v2: which part of the hierarchy is seen where.
struct Mount {
  std::string root;
  std::string point;
};

// "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD ...] - TYPE SOURCE SUPEROPTIONS". Names with odd characters are
// escaped there; nobody mounts cgroups at such, and they match nothing.
std::optional<Mount> Cgroup2MountOf(const std::string& line) {
  std::istringstream words(line);
  std::string ignored;
  std::string word;
  Mount mount;
  words >> ignored >> ignored >> ignored >> mount.root >> mount.point;
  while (words >> word && word != "-") {
  }
  if (!(words >> word) || word != "cgroup2" || mount.point.find('\\') != std::string::npos) return std::nullopt;
  return mount;
}

// Of the line "0::PATH", which is that of version 2.
std::string PathIn(std::istream& cgroup) {
  constexpr std::string_view kVersion2 = "0::";
  for (std::string line; std::getline(cgroup, line);) {
    if (line.starts_with(kVersion2)) return line.substr(kVersion2.size());
  }
  return "";
}

// `path` as it is called where `mount` shows it; nothing where it does not.
std::optional<std::string> Shown(const Mount& mount, const std::string& path) {
  if (path.find("/..") != std::string::npos) return std::nullopt;
  if (mount.root == "/") return path == "/" ? mount.point : mount.point + path;
  if (!path.starts_with(mount.root)) return std::nullopt;
  const std::string rest = path.substr(mount.root.size());
  if (!rest.empty() && rest.front() != '/') return std::nullopt;
  return mount.point + rest;
}

}  // namespace

std::string CgroupDirectory(std::istream& mountinfo, std::istream& cgroup) {
  const std::string path = PathIn(cgroup);
  if (!path.starts_with('/')) return "";
  std::string directory;
  // Of several the last: what is mounted later lies on top.
  for (std::string line; std::getline(mountinfo, line);) {
    const std::optional<Mount> mount = Cgroup2MountOf(line);
    const auto shown = mount ? Shown(*mount, path) : std::nullopt;
    if (shown) directory = *shown;
  }
  return directory;
}

std::string OwnCgroupDirectory() {
  std::ifstream mountinfo("/proc/self/mountinfo");
  std::ifstream cgroup("/proc/self/cgroup");
  return CgroupDirectory(mountinfo, cgroup);
}

}  // namespace airlock::spawner
