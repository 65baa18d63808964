// A cgroup (version 2) for each worker, where the daemon's own group has been delegated to it: the kernel then counts
// memory in every form, the output's pages and its own structures included, and processes, for that worker alone.
//
//   auto groups = WorkerGroups::Prepare({OwnCgroupDirectory(), GroupMemoryBytes(limits)});
//   auto group = (*groups)->Make();   // limits are in force before there is a worker
//   ... clone into group->fd() ...
//   group->Admit(pid);                // verified; moves it where clone could not
//   ... the worker is reaped ...
//   group->Remove();                  // also what the destructor does
//
// The broker makes and removes the groups, by a descriptor of its own group, confined as it is (server/confinement.h).
// The spawner only ever gets a descriptor that names one group, the worker none. While it lives the broker is in the
// group "broker" beneath, for the kernel gives controllers only to groups without processes of their own.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "sandbox/base/fd.h"
#include "sandbox/spawner/group_settings.h"
#include "sandbox/spawner/spawn_error.h"

namespace airlock::spawner {

// One worker's. Movable; not thread-safe. Empty unless made by WorkerGroups.
class WorkerGroup {
 public:
  WorkerGroup() = default;
  WorkerGroup(WorkerGroup&& other) noexcept = default;
  WorkerGroup& operator=(WorkerGroup&& other) noexcept;
  ~WorkerGroup() { Remove(); }

  explicit operator bool() const { return static_cast<bool>(directory_); }
  // Of the directory, O_PATH; -1: there is none.
  int fd() const { return directory_.get(); }
  // Controllers in force: walls::LayerBit.
  uint64_t layers() const { return directory_ ? layers_ : 0; }

  // Makes sure that process `pid` is in it, a child that nobody has reaped.
  SpawnResult<void> Admit(pid_t pid);
  // Whether the kernel has killed it for its memory. REQUIRES: the worker is reaped.
  bool RanOutOfMemory() const;
  // Kills what is left in it, of which there should be nothing, and removes it.
  void Remove();

 private:
  friend class WorkerGroups;
  WorkerGroup(std::shared_ptr<const Fd> parent, std::string name, uint64_t layers)
      : parent_(std::move(parent)), name_(std::move(name)), layers_(layers) {}

  std::shared_ptr<const Fd> parent_;
  std::string name_;
  Fd directory_;
  uint64_t layers_ = 0;
};

struct GroupOptions {
  // The group that this process is in and alone in. Empty: there is none.
  std::string directory;
  uint64_t memory_bytes = 0;
  // For tests of hosts whose cgroup2 has no controllers: groups all the same.
  bool without_controllers_too = false;
};

// Thread-safe once prepared.
class WorkerGroups {
 public:
  // Moves this process into the group "broker" beneath the directory, enables controllers, removes what an earlier
  // daemon has left, and tries one group. Fails, with everything as it was, where the directory is not ours alone.
  // REQUIRES: one thread, and no child.
  static SpawnResult<std::shared_ptr<WorkerGroups>> Prepare(const GroupOptions& options);

  // Fails where a limit cannot be set: a group without it is none.
  SpawnResult<WorkerGroup> Make();

  uint64_t layers() const { return layers_; }
  const std::string& directory() const { return options_.directory; }

 private:
  WorkerGroups(GroupOptions options, Fd directory)
      : options_(std::move(options)), directory_(std::make_shared<const Fd>(std::move(directory))) {}
  SpawnResult<void> Settle();
  SpawnResult<void> TakeControllers();

  const GroupOptions options_;
  const std::shared_ptr<const Fd> directory_;
  uint64_t layers_ = 0;
  std::atomic<uint64_t> next_ = 0;
};

}  // namespace airlock::spawner
