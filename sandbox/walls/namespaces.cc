#include "sandbox/walls/namespaces.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "sandbox/base/fd.h"
#include "sandbox/walls/process_walls.h"

namespace airlock::walls {
namespace {

// What a namespace is made with. Pid, ipc and uts are each worker's own; the mount namespace is both: the spawner
// empties the root of its own, workers get a private copy of the nothing that is left.
struct Row {
  LayerBit layer;
  uint64_t clone_flag;
};
constexpr Row kOwn[] = {{kPidNamespace, CLONE_NEWPID},
                        {kIpcNamespace, CLONE_NEWIPC},
                        {kUtsNamespace, CLONE_NEWUTS},
                        {kMountNamespace, CLONE_NEWNS}};
constexpr LayerBit kAll[kNamespaceCount] = {kUserNamespace, kPidNamespace,   kIpcNamespace,
                                            kUtsNamespace,  kMountNamespace, kNetNamespace};
// Any of these will do to mount the new root on; it is gone from sight a moment later.
constexpr const char* kMountPoints[] = {"/tmp", "/run", "/dev", "/proc", "/usr"};

WallResult WriteFile(const char* path, const char* text) {
  const Fd file(open(path, O_WRONLY | O_CLOEXEC));
  if (!file) return WallFailure(path, errno);
  const auto length = static_cast<ssize_t>(std::strlen(text));
  if (write(file.get(), text, static_cast<size_t>(length)) != length) return WallFailure(path, errno);
  return {};
}

// One user and one group, mapped to themselves: nobody else exists in there.
WallResult WriteMaps(uid_t uid, gid_t gid) {
  char line[64];
  AIRLOCK_TRY(WriteFile("/proc/self/setgroups", "deny"));
  std::snprintf(line, sizeof(line), "%u %u 1", uid, uid);
  AIRLOCK_TRY(WriteFile("/proc/self/uid_map", line));
  std::snprintf(line, sizeof(line), "%u %u 1", gid, gid);
  return WriteFile("/proc/self/gid_map", line);
}

// As root, of the namespace that `pid` has entered, from outside: only there are more users than one to be had.
WallResult WriteMapsOf(pid_t pid, const UserRange& users) {
  char path[64];
  char line[64];
  std::snprintf(line, sizeof(line), "%u %u %u", users.base, users.base, users.count);
  for (const char* map : {"uid_map", "gid_map"}) {
    std::snprintf(path, sizeof(path), "/proc/%d/%s", pid, map);
    AIRLOCK_TRY(WriteFile(path, line));
  }
  return {};
}

// Stays outside, writes the maps when it is told that there is a namespace, and ends.
[[noreturn]] void WriteMapsWhenTold(int told, pid_t pid, const UserRange& users) {
  char byte = 0;
  if (read(told, &byte, 1) != 1) _exit(0);
  const WallResult written = WriteMapsOf(pid, users);
  _exit(written.ok() ? 0 : written.error().error_number);
}

WallResult EnterUserNamespaceOf(const UserRange& users) {
  if (setgroups(0, nullptr) != 0) return WallFailure("users: setgroups", errno);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return WallFailure("pipe", errno);
  const Fd told(ends[0]);
  Fd tell(ends[1]);
  const pid_t self = getpid();
  const pid_t writer = fork();
  if (writer < 0) return WallFailure("fork", errno);
  if (writer == 0) {
    tell.Close();
    WriteMapsWhenTold(told.get(), self, users);
  }
  const int unshared = unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
  if (unshared == 0) (void)!write(tell.get(), "x", 1);
  tell.Close();
  int status = 0;
  if (waitpid(writer, &status, 0) != writer || !WIFEXITED(status)) return WallFailure("users: maps", ECHILD);
  if (unshared != 0) return WallFailure("unshare user", unshared);
  if (WEXITSTATUS(status) != 0) return WallFailure("users: maps", WEXITSTATUS(status));
  // Whoever is root outside has a name in there from now on, and no more rights than the namespace gives.
  return BecomeUser(users.base);
}

WallResult EnterUserNamespace(const UserRange& users) {
  if (users.count != 0) return EnterUserNamespaceOf(users);
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  // The maps belong to root while we are not dumpable.
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return WallFailure("PR_SET_DUMPABLE", errno);
  if (unshare(CLONE_NEWUSER) != 0) return WallFailure("unshare user", errno);
  return WriteMaps(uid, gid);
}

WallResult MountEmptyFilesystem() {
  for (const char* point : kMountPoints) {
    if (mount("airlock", point, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=1,mode=0555") != 0) {
      if (errno == ENOENT) continue;
      return WallFailure("mount tmpfs", errno);
    }
    if (chdir(point) != 0) return WallFailure("chdir to the new root", errno);
    return {};
  }
  return WallFailure("mount tmpfs", ENOENT);
}

WallResult EnterEmptyRoot() {
  if (unshare(CLONE_NEWNS) != 0) return WallFailure("unshare mount", errno);
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return WallFailure("make mounts private", errno);
  AIRLOCK_TRY(MountEmptyFilesystem());
  // Old and new root on the same place: the old one is then on top, and goes.
  if (syscall(SYS_pivot_root, ".", ".") != 0) return WallFailure("pivot_root", errno);
  if (umount2(".", MNT_DETACH) != 0) return WallFailure("umount the old root", errno);
  if (chdir("/") != 0) return WallFailure("chdir to the empty root", errno);
  constexpr unsigned long kReadOnly = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (mount(nullptr, "/", nullptr, kReadOnly, nullptr) != 0) return WallFailure("make the root read-only", errno);
  if (!RootIsEmpty()) return WallFailure("the root is not empty", ENOTEMPTY);
  return {};
}

// Whether a process can be cloned with `flag`. Plain clone, which containers that hide clone3 have too.
int TryClone(uint64_t flag) {
  const long pid = syscall(SYS_clone, flag | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) _exit(0);
  if (pid < 0) return errno;
  waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return 0;
}

int ErrorOf(const WallResult& result) {
  if (result.ok()) return 0;
  return result.error().error_number != 0 ? result.error().error_number : EPERM;
}

void Set(NamespaceReport& report, LayerBit layer, int error_number) {
  for (NamespaceEvidence& row : report.rows) {
    if (row.layer == layer) row.error_number = error_number;
  }
}

// Runs in the process that is thrown away.
void TryAll(NamespaceReport& report, const UserRange& users) {
  const int user = ErrorOf(EnterUserNamespace(users));
  Set(report, kUserNamespace, user);
  if (user != 0) return;
  Set(report, kMountNamespace, ErrorOf(EnterEmptyRoot()));
  Set(report, kNetNamespace, unshare(CLONE_NEWNET) == 0 ? 0 : errno);
  for (const Row& row : kOwn) {
    const int error_number = TryClone(row.clone_flag);
    if (row.layer != kMountNamespace || error_number != 0) Set(report, row.layer, error_number);
  }
}

}  // namespace

uint64_t NamespaceReport::Layers() const {
  uint64_t layers = 0;
  for (const NamespaceEvidence& row : rows) {
    if (row.error_number == 0) layers |= row.layer;
  }
  // Without a user namespace that works nothing else was tried, or would be worth its half.
  return (layers & kUserNamespace) != 0 ? layers : 0;
}

UserRange UsersOfRoot() { return geteuid() == 0 ? UserRange{kNobody, 1} : UserRange{}; }

NamespaceReport NoNamespaces(int error_number) {
  NamespaceReport report;
  for (size_t i = 0; i < kNamespaceCount; ++i) report.rows[i] = {kAll[i], error_number};
  return report;
}

NamespaceReport ProbeNamespaces(const UserRange& users) {
  // What stays of this if the process dies half-way.
  const NamespaceReport untried = NoNamespaces(ECANCELED);
  void* page = mmap(nullptr, sizeof(NamespaceReport), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return untried;
  auto* shared = new (page) NamespaceReport(untried);
  const pid_t pid = fork();
  if (pid == 0) {
    TryAll(*shared, users);
    _exit(0);
  }
  if (pid > 0) waitpid(pid, nullptr, 0);
  NamespaceReport report = *shared;
  munmap(page, sizeof(NamespaceReport));
  if (const int user = report.rows[0].error_number; user != 0) return NoNamespaces(user);
  // Half a root is none: without the empty root of its own mount namespace the rest is not worth the difference.
  if (const int root = report.rows[4].error_number; root != 0) return NoNamespaces(root);
  return report;
}

WallResult EnterSharedNamespaces(uint64_t layers, const UserRange& users) {
  if ((layers & kUserNamespace) != 0) AIRLOCK_TRY(EnterUserNamespace(users));
  if ((layers & kMountNamespace) != 0) AIRLOCK_TRY(EnterEmptyRoot());
  if ((layers & kNetNamespace) != 0 && unshare(CLONE_NEWNET) != 0) return WallFailure("unshare network", errno);
  return {};
}

uint64_t CloneFlags(uint64_t layers) {
  uint64_t flags = 0;
  for (const Row& row : kOwn) {
    if ((layers & row.layer) != 0) flags |= row.clone_flag;
  }
  return flags;
}

bool RootIsEmpty() {
  const Fd root(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return false;
  // A directory's entries include itself and its parent; two records of 24 bytes each are no more than these.
  char entries[1024];
  const long length = syscall(SYS_getdents64, root.get(), entries, sizeof(entries));
  if (length != 48) return false;
  return mkdir("/airlock", 0700) != 0;
}

}  // namespace airlock::walls
