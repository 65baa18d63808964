#include "sandbox/spawner/worker_groups.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>
#include <string_view>
#include <vector>

#include "sandbox/walls/layers.h"

namespace airlock::spawner {
namespace {

constexpr char kBrokerGroup[] = "broker";
constexpr char kWorkerPrefix[] = "worker-";
constexpr char kRemedy[] = "start the daemon as a service with Delegate=memory pids";
// Killed processes are gone from their group within milliseconds.
constexpr int kPatienceMs = 2'000;
constexpr mode_t kMode = 0755;

struct Controller {
  const char* name;
  const char* enable;
  uint64_t layer;
};
constexpr Controller kControllers[] = {{"memory", "+memory", walls::kMemoryGroup},
                                       {"pids", "+pids", walls::kPidsGroup}};

Unexpected<SpawnError> Failure(std::string step, int error_number) {
  return Unexpected<SpawnError>{SpawnError{"cgroup: " + std::move(step), error_number, kRemedy}};
}

Fd OpenGroup(int parent, const char* name) {
  return Fd(openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
}

bool HasWord(const std::string& text, std::string_view wanted) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word == wanted) return true;
  }
  return false;
}

bool IsPopulated(int group) { return ReadGroupFile(group, "cgroup.events").find("populated 1") != std::string::npos; }

bool BecomesEmpty(int group) {
  for (int waited = 0; IsPopulated(group); ++waited) {
    if (waited == kPatienceMs) return false;
    poll(nullptr, 0, 1);
  }
  return true;
}

// 0, or an errno.
int RemoveGroup(int parent, const char* name) {
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
  const Fd group = OpenGroup(parent, name);
  if (!group) return errno;
  // Linux 5.14; before, nothing is in there that its pidfd has not killed.
  (void)WriteGroupFile(group.get(), "cgroup.kill", "1");
  (void)BecomesEmpty(group.get());
  return unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : errno;
}

std::vector<std::string> WorkerGroupsIn(int directory) {
  std::vector<std::string> names;
  const int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* listing = again >= 0 ? fdopendir(again) : nullptr;
  if (listing == nullptr) return names;
  while (const dirent* entry = readdir(listing)) {
    if (std::string_view(entry->d_name).starts_with(kWorkerPrefix)) names.emplace_back(entry->d_name);
  }
  closedir(listing);
  return names;
}

// Nobody but us may be there, neither in the group nor, as another daemon, beneath it: what we set is for us alone, and
// what we clean up was ours. A shell that starts us by hand is somebody.
SpawnResult<void> CheckThatItIsOurs(int directory) {
  const std::string type = ReadGroupFile(directory, "cgroup.type");
  if (type.empty()) return Failure("the daemon is in the root group, or sees no group", ENOENT);
  if (type != "domain\n") return Failure("the daemon's group is threaded", EOPNOTSUPP);
  for (const char* file : {"cgroup.procs", "cgroup.subtree_control", "."}) {
    if (faccessat(directory, file, W_OK, AT_EACCESS) != 0) return Failure("not delegated to the daemon", errno);
  }
  if (ReadGroupFile(directory, "cgroup.procs") != std::to_string(getpid()) + "\n") {
    return Failure("other processes are in the daemon's group", EBUSY);
  }
  return {};
}

}  // namespace

WorkerGroup& WorkerGroup::operator=(WorkerGroup&& other) noexcept {
  if (this != &other) {
    Remove();
    parent_ = std::move(other.parent_);
    name_ = std::move(other.name_);
    directory_ = std::move(other.directory_);
    layers_ = other.layers_;
  }
  return *this;
}

SpawnResult<void> WorkerGroup::Admit(pid_t pid) {
  const std::string wanted = std::to_string(pid);
  if (HasWord(ReadGroupFile(fd(), "cgroup.procs"), wanted)) return {};
  const int error_number = WriteGroupFile(fd(), "cgroup.procs", wanted);
  if (error_number != 0) return Failure("moving a worker into its group", error_number);
  if (!HasWord(ReadGroupFile(fd(), "cgroup.procs"), wanted)) return Failure("a worker is not in its group", ESRCH);
  return {};
}

bool WorkerGroup::RanOutOfMemory() const {
  std::istringstream events(directory_ ? ReadGroupFile(fd(), "memory.events") : "");
  std::string name;
  for (uint64_t count = 0; events >> name >> count;) {
    if (name == "oom_kill" && count != 0) return true;
  }
  return false;
}

void WorkerGroup::Remove() {
  if (!directory_) return;
  directory_.Close();
  // What cannot be removed now is removed by the next daemon.
  (void)RemoveGroup(parent_->get(), name_.c_str());
  parent_.reset();
}

SpawnResult<WorkerGroup> WorkerGroups::Make() {
  WorkerGroup group(directory_, kWorkerPrefix + std::to_string(next_++), layers_);
  if (mkdirat(directory_->get(), group.name_.c_str(), kMode) != 0) return Failure("mkdir", errno);
  group.directory_ = OpenGroup(directory_->get(), group.name_.c_str());
  if (!group.directory_) return Failure("opening a worker's group", errno);
  AIRLOCK_TRY(ApplyGroupSettings(group.fd(), GroupSettings(layers_, options_.memory_bytes)));
  return group;
}

SpawnResult<void> WorkerGroups::TakeControllers() {
  for (const Controller& controller : kControllers) {
    if (!HasWord(ReadGroupFile(directory_->get(), "cgroup.controllers"), controller.name)) continue;
    const int error_number = WriteGroupFile(directory_->get(), "cgroup.subtree_control", controller.enable);
    if (error_number != 0) return Failure(std::string("enabling ") + controller.name, error_number);
    layers_ |= controller.layer;
  }
  // The trial of what each worker's birth depends on.
  AIRLOCK_TRY(Make());
  return {};
}

SpawnResult<void> WorkerGroups::Settle() {
  const int directory = directory_->get();
  if (mkdirat(directory, kBrokerGroup, kMode) != 0 && errno != EEXIST) return Failure("mkdir", errno);
  const Fd broker = OpenGroup(directory, kBrokerGroup);
  // A daemon that was killed takes its spawner with it, if not at once.
  if (!broker || !BecomesEmpty(broker.get())) return Failure("another daemon is in the daemon's group", EBUSY);
  for (const std::string& name : WorkerGroupsIn(directory)) {
    const int error_number = RemoveGroup(directory, name.c_str());
    if (error_number != 0) return Failure("removing a group that was left behind", error_number);
  }
  const int moved = WriteGroupFile(broker.get(), "cgroup.procs", std::to_string(getpid()));
  if (moved != 0) return Failure("moving the daemon into a group of its own", moved);
  auto taken = TakeControllers();
  if (taken.ok()) return {};
  for (const Controller& controller : kControllers) {
    if ((layers_ & controller.layer) == 0) continue;
    (void)WriteGroupFile(directory, "cgroup.subtree_control", std::string("-") + controller.name);
  }
  (void)WriteGroupFile(directory, "cgroup.procs", std::to_string(getpid()));
  (void)RemoveGroup(directory, kBrokerGroup);
  return taken;
}

SpawnResult<std::shared_ptr<WorkerGroups>> WorkerGroups::Prepare(const GroupOptions& options) {
  if (options.directory.empty()) return Failure("no cgroup2 mount shows the daemon's group", ENOENT);
  Fd directory(open(options.directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return Failure("open " + options.directory, errno);
  AIRLOCK_TRY(CheckThatItIsOurs(directory.get()));
  const std::string controllers = ReadGroupFile(directory.get(), "cgroup.controllers");
  const bool any = HasWord(controllers, "memory") || HasWord(controllers, "pids");
  if (!any && !options.without_controllers_too) return Failure("no controller is delegated", ENOENT);
  std::shared_ptr<WorkerGroups> groups(new WorkerGroups(options, std::move(directory)));
  AIRLOCK_TRY(groups->Settle());
  return groups;
}

}  // namespace airlock::spawner
