// From a spawner and a socket to a running worker: clone, descriptors, exec.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sandbox/base/fd.h"
#include "sandbox/walls/wall_error.h"

namespace airlock::spawner {

struct LaunchedWorker {
  Fd pidfd;  // of the broker's new child; with a failure after clone it is dead and wants reaping
  pid_t pid = -1;
  walls::WallError failure;  // error_number 0: it runs
};

// Makes workers, all alike. Owned by the spawner; one thread.
class WorkerLauncher {
 public:
  // `layers`: the namespaces that workers live in (LayerBit); those that are each worker's own are made here.
  // `broker_pid` is the parent that workers will have.
  WorkerLauncher(uint64_t layers, pid_t broker_pid);

  // Returns once the worker executes, or with the step that failed. `group`: of the directory of the cgroup that it is
  // born in, where the kernel can do that, or -1. `user`: that it becomes, with the group of the same number; 0: it
  // stays who we are.
  LaunchedWorker Launch(int socket, int group, uint32_t user);

 private:
  // As fork: 0 in the child.
  long Clone(int* pidfd, int group);

  uint64_t layers_;
  pid_t parent_in_sight_;
  bool clone3_works_ = true;
  bool birth_in_group_works_ = true;
  walls::WallError* child_failure_;  // shared memory
};

}  // namespace airlock::spawner
