#include "sandbox/spawner/worker_launch.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "sandbox/spawner/control.h"
#include "sandbox/walls/namespaces.h"
#include "sandbox/walls/process_walls.h"
#include "sandbox/walls/worker_fds.h"

namespace airlock::spawner {
namespace {

// The broker becomes the worker's parent; we go on when the worker executes (or fails to), having read why.
constexpr uint64_t kFlags = CLONE_PIDFD | CLONE_PARENT | CLONE_VFORK;

long Clone3(uint64_t flags, int* pidfd, int group) {
  clone_args args{};
  args.flags = flags;
  if (group >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(group);
  }
  args.pidfd = reinterpret_cast<uint64_t>(pidfd);
  // No exit signal: with CLONE_PARENT it is ours, SIGCHLD.
  return syscall(SYS_clone3, &args, sizeof(args));
}

// Containers that hide clone3 (ENOSYS) have the old call with the same flags.
long LegacyClone(uint64_t flags, int* pidfd) {
#if defined(__x86_64__) || defined(__aarch64__)
  return syscall(SYS_clone, flags, nullptr, pidfd, nullptr, nullptr);
#else
#error "order of clone's arguments"
#endif
}

// In the child: returns only where it fails.
walls::WallError ExecuteWorker(uint64_t layers, pid_t parent, int socket, uint32_t user) {
  char layers_text[24];
  char parent_text[16];
  std::snprintf(layers_text, sizeof(layers_text), "%llx", static_cast<unsigned long long>(layers));
  std::snprintf(parent_text, sizeof(parent_text), "%d", parent);
  static_assert(walls::kSocketFd == kControlFd && kSetupFd < kProgramFd);
  if (user != 0) {
    if (const auto become = walls::BecomeUser(user); !become.ok()) return become.error();
  }
  if (dup2(socket, walls::kSocketFd) < 0) return {"dup2 of the socket", errno};
  if (close_range(kProgramFd + 1, ~0U, 0) != 0) return {"close_range", errno};
  char name[] = "airlock-worker";
  char role[] = "worker";
  char* const arguments[] = {name, role, layers_text, parent_text, nullptr};
  char* const environment[] = {nullptr};
  syscall(SYS_execveat, kProgramFd, "", arguments, environment, AT_EMPTY_PATH);
  return {"exec airlock-worker", errno};
}

}  // namespace

WorkerLauncher::WorkerLauncher(uint64_t layers, pid_t broker_pid)
    : layers_(layers),
      parent_in_sight_((layers & walls::kPidNamespace) != 0 ? 0 : broker_pid),
      child_failure_(nullptr) {
  void* page = mmap(nullptr, sizeof(walls::WallError), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page != MAP_FAILED) child_failure_ = new (page) walls::WallError;
}

// A group that a worker cannot be born in, because clone3 is hidden or the group is not ours, is the broker's to put it
// into, and no attempt is made again.
long WorkerLauncher::Clone(int* pidfd, int group) {
  const uint64_t flags = kFlags | walls::CloneFlags(layers_);
  if (group >= 0 && clone3_works_ && birth_in_group_works_) {
    const long pid = Clone3(flags, pidfd, group);
    if (pid >= 0) return pid;
    birth_in_group_works_ = false;
  }
  if (clone3_works_) {
    const long pid = Clone3(flags, pidfd, -1);
    if (pid >= 0 || errno != ENOSYS) return pid;
    clone3_works_ = false;
  }
  return LegacyClone(flags, pidfd);
}

LaunchedWorker WorkerLauncher::Launch(int socket, int group, uint32_t user) {
  LaunchedWorker worker;
  if (child_failure_ == nullptr) {
    worker.failure = {"mmap", ENOMEM};
    return worker;
  }
  *child_failure_ = {};
  int pidfd = -1;
  const long pid = Clone(&pidfd, group);
  if (pid == 0) {
    *child_failure_ = ExecuteWorker(layers_, parent_in_sight_, socket, user);
    _exit(127);
  }
  if (pid < 0) {
    worker.failure = {"clone", errno};
    return worker;
  }
  worker.pidfd = Fd(pidfd);
  worker.pid = static_cast<pid_t>(pid);
  worker.failure = *child_failure_;
  return worker;
}

}  // namespace airlock::spawner
