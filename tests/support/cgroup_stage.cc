#include "tests/support/cgroup_stage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "sandbox/base/fd.h"
#include "sandbox/spawner/own_cgroup.h"

namespace airlock::test {
namespace {

std::string RootOfHierarchy() {
  std::ifstream mountinfo("/proc/self/mountinfo");
  std::istringstream root("0::/");
  return spawner::CgroupDirectory(mountinfo, root);
}

std::vector<std::string> GroupsIn(const std::string& directory) {
  std::vector<std::string> groups;
  DIR* listing = opendir(directory.c_str());
  if (listing == nullptr) return groups;
  while (const dirent* entry = readdir(listing)) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') groups.push_back(directory + "/" + entry->d_name);
  }
  closedir(listing);
  return groups;
}

}  // namespace

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool WriteText(const std::string& path, const std::string& text) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string CgroupOf(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return "";
}

CgroupStage::CgroupStage() : root_(RootOfHierarchy()), before_(spawner::OwnCgroupDirectory()) {
  if (root_.empty() || before_.empty()) {
    missing_ = "no cgroup2 hierarchy is mounted";
    return;
  }
  // A group for the next levels gets what its parent gives on: no harm to anybody, and often so already.
  for (const char* controller : {"+memory", "+pids"}) (void)WriteText(root_ + "/cgroup.subtree_control", controller);
  const std::string directory = root_ + "/airlock-test-" + std::to_string(getpid());
  if (mkdir(directory.c_str(), 0755) != 0 || !WriteText(directory + "/cgroup.procs", "0")) {
    missing_ = std::string("no cgroup can be made here: ") + std::strerror(errno);
    rmdir(directory.c_str());
    return;
  }
  directory_ = directory;
}

CgroupStage::~CgroupStage() {
  if (directory_.empty()) return;
  (void)WriteText(before_ + "/cgroup.procs", "0");
  for (const std::string& group : GroupsIn(directory_)) {
    (void)WriteText(group + "/cgroup.kill", "1");
    for (int turn = 0; turn < 2'000 && rmdir(group.c_str()) != 0; ++turn) usleep(1'000);
  }
  rmdir(directory_.c_str());
}

bool CgroupStage::Has(std::string_view controller) const {
  std::istringstream words(TextOf(directory_ + "/cgroup.controllers"));
  for (std::string word; words >> word;) {
    if (word == controller) return true;
  }
  return false;
}

}  // namespace airlock::test
