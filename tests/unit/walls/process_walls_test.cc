// Each wall alone, in a process of its own: that it is in force, and that it stops something without help of the
// others.
#include "sandbox/walls/process_walls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "sandbox/base/fd.h"
#include "sandbox/base/graph_file.h"
#include "sandbox/walls/filter.h"
#include "sandbox/walls/filter_load.h"
#include "sandbox/walls/landlock.h"
#include "sandbox/walls/namespaces.h"
#include "sandbox/walls/rlimits.h"
#include "tests/support/in_child.h"

namespace airlock::walls {
namespace {

using test::InChild;

constexpr int kNoSuchWall = 200;  // the host does not have it

int OpenError(const char* path) {
  const Fd fd(open(path, O_RDONLY | O_CLOEXEC));
  return fd ? 0 : errno;
}

TEST(ProcessWallsTest, NonDumpable) {
  EXPECT_EQ(InChild([] { return BecomeNonDumpable().ok() ? prctl(PR_GET_DUMPABLE) : 99; }), 0);
}

TEST(ProcessWallsTest, ParentDeathSignal) {
  const int wanted = InChild([parent = getpid()] {
    int number = 0;
    if (!DieWithParent(parent).ok()) return 99;
    prctl(PR_GET_PDEATHSIG, &number);
    return number;
  });
  EXPECT_EQ(wanted, SIGKILL);
  EXPECT_EQ(InChild([] { return DieWithParent(1 << 30).error().error_number; }), ESRCH);
}

TEST(ProcessWallsTest, NoCapabilitiesAndNotRoot) {
  const int result = InChild([] {
    if (!DropUser().ok()) return 1;
    if (!DropCapabilities().ok()) return 2;
    if (geteuid() == 0 || getuid() == 0) return 3;
    if (setuid(0) == 0) return 4;
    return chroot("/") == 0 ? 5 : 0;
  });
  EXPECT_EQ(result, 0);
}

TEST(ProcessWallsTest, WithoutCapabilitiesRootCannotChroot) {
  EXPECT_EQ(InChild([] { return DropCapabilities().ok() && chroot("/") != 0 ? errno : 99; }), EPERM);
}

TEST(ProcessWallsTest, NoNewPrivileges) {
  EXPECT_EQ(InChild([] { return ForbidNewPrivileges().ok() ? prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) : 99; }), 1);
}

TEST(ProcessWallsTest, DenyWriteExecute) {
  const int result = InChild([] {
    if (!DenyWriteExecute().ok()) return kNoSuchWall;
    void* both = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (both != MAP_FAILED) return 1;
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 ? 2 : 0;
  });
  if (result == kNoSuchWall) GTEST_SKIP() << "Linux before 6.3";
  EXPECT_EQ(result, 0);
}

// What the kernel says of a misfeature of the processor after the wall has been raised: one that it can switch off for
// a process is off, and cannot be switched on again.
TEST(ProcessWallsTest, Speculation) {
  for (const unsigned long misfeature : {PR_SPEC_STORE_BYPASS, PR_SPEC_INDIRECT_BRANCH}) {
    const int before = prctl(PR_GET_SPECULATION_CTRL, misfeature, 0, 0, 0);
    const int after = InChild([misfeature] {
      const bool raised = DisableSpeculation().ok();
      const int state = std::max(0, prctl(PR_GET_SPECULATION_CTRL, misfeature, 0, 0, 0));
      const bool off = state == PR_SPEC_NOT_AFFECTED || (state & (PR_SPEC_DISABLE | PR_SPEC_FORCE_DISABLE)) != 0;
      if (raised && !off) return 100;
      const bool on_again = prctl(PR_SET_SPECULATION_CTRL, misfeature, PR_SPEC_ENABLE, 0, 0) == 0;
      return off && state != PR_SPEC_NOT_AFFECTED && on_again ? 101 : state;
    });
    EXPECT_LT(after, 100) << misfeature;
    const bool can = before > 0 && (before & PR_SPEC_PRCTL) != 0;
    if (can) {
      EXPECT_EQ(after, PR_SPEC_PRCTL | PR_SPEC_FORCE_DISABLE) << misfeature;
    }
  }
}

// The cookie of a group of tasks that may share a core: none before, its own afterwards.
TEST(ProcessWallsTest, OwnCore) {
  constexpr int kNoThreads = 201;
  const int result = InChild([] {
    unsigned long before = 0;
    unsigned long after = 0;
    constexpr int kSchedCore = 62;
    if (prctl(kSchedCore, 0, 0, 0, &before) != 0) return errno == ENODEV ? kNoThreads : kNoSuchWall;
    if (!TakeOwnCore().ok() || prctl(kSchedCore, 0, 0, 0, &after) != 0) return 1;
    return after != 0 && after != before ? 0 : 2;
  });
  if (result == kNoSuchWall) GTEST_SKIP() << "Linux before 5.14, or without CONFIG_SCHED_CORE";
  if (result == kNoThreads) {
    EXPECT_TRUE(TakeOwnCore().ok());
    GTEST_SKIP() << "cores have one thread only: nothing to share";
  }
  EXPECT_EQ(result, 0);
}

TEST(LandlockTest, ClosesFilesSocketsAndSignals) {
  if (LandlockAbi() == 0) GTEST_SKIP() << "no Landlock on this host";
  const int result = InChild([parent = getpid()] {
    if (!ForbidNewPrivileges().ok()) return 1;
    const auto abi = EnterLandlock();
    if (!abi.ok() || *abi != LandlockAbi()) return 2;
    if (OpenError("/etc/passwd") != EACCES || OpenError("/") != EACCES) return 3;
    if (mkdir("/tmp/airlock-landlock", 0700) == 0) return 4;
    if (*abi >= 6 && kill(parent, 0) == 0) return 5;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    const Fd tcp(socket(AF_INET, SOCK_STREAM, 0));
    const bool bound = tcp && bind(tcp.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    return *abi >= 4 && bound ? 6 : 0;
  });
  EXPECT_EQ(result, 0);
}

TEST(RlimitsTest, AreHardAndInForce) {
  const int result = InChild([] {
    if (!ApplyRlimits({64 << 20, 5, 1 << 20}).ok()) return 1;
    constexpr int kAll[] = {RLIMIT_CPU,    RLIMIT_AS,    RLIMIT_DATA, RLIMIT_STACK,   RLIMIT_FSIZE,
                            RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_CORE, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE};
    for (const int resource : kAll) {
      rlimit limit{};
      getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
      if (limit.rlim_cur != limit.rlim_max || limit.rlim_max == RLIM_INFINITY) return 2;
    }
    return 0;
  });
  EXPECT_EQ(result, 0);
}

TEST(RlimitsTest, StopMemoryAndFilesAndDescriptors) {
#ifdef AIRLOCK_SANITIZED
  GTEST_SKIP() << "a sanitizer's runtime takes memory of its own, beyond any limit; builds without one run this";
#endif
  const int result = InChild([] {
    std::signal(SIGXFSZ, SIG_IGN);
    const Fd file(memfd_create("output", MFD_CLOEXEC));
    constexpr uint64_t kOutput = uint64_t{8} << 30;
    if (!ApplyRlimits({64 << 20, 5, kOutput}).ok()) return 1;
    const char byte = 0;
    if (pwrite(file.get(), &byte, 1, kOutput) >= 0 || errno != EFBIG) return 2;
    for (int fd = 0; fd < 258; ++fd) {
      if (dup(0) < 0) return 0;
    }
    return 3;
  });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(InChild([] {
              if (!ApplyRlimits({64 << 20, 5, 1 << 20}).ok()) return 1;
              void* block = mmap(nullptr, 128 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return block == MAP_FAILED && errno == ENOMEM ? 0 : 2;
            }),
            0);
}

// A small output leaves the graph file its size.
TEST(RlimitsTest, LeaveTheLargestGraphFile) {
  const int result = InChild([] {
    std::signal(SIGXFSZ, SIG_IGN);
    const Fd file(memfd_create("graph", MFD_CLOEXEC));
    if (!ApplyRlimits({64 << 20, 5, 1 << 20}).ok()) return 1;
    constexpr off_t kEnd = kGraphColumns * kMaxGraphRoom;
    const char byte = 0;
    if (pwrite(file.get(), &byte, 1, kEnd - 1) != 1) return 2;
    return pwrite(file.get(), &byte, 1, kEnd) < 0 && errno == EFBIG ? 0 : 3;
  });
  EXPECT_EQ(result, 0);
}

TEST(NamespacesTest, WhatTheProbeFindsCanBeEntered) {
  const int result = InChild([] {
    const NamespaceReport report = ProbeNamespaces();
    if ((report.Layers() & kMountNamespace) == 0) return kNoSuchWall;
    if (!EnterSharedNamespaces(report.Layers()).ok()) return 1;
    if (!RootIsEmpty()) return 2;
    if (OpenError("/etc/passwd") != ENOENT || OpenError("/proc/self/status") != ENOENT) return 3;
    return 0;
  });
  if (result == kNoSuchWall) GTEST_SKIP() << "this host allows no user namespaces";
  EXPECT_EQ(result, 0);
}

TEST(NamespacesTest, NothingWorksInAReportOfNone) {
  EXPECT_EQ(NoNamespaces(EPERM).Layers(), 0U);
  EXPECT_EQ(CloneFlags(0), 0U);
  EXPECT_FALSE(RootIsEmpty());
}

TEST(FilterLoadTest, TheFilterAloneKills) {
#ifdef AIRLOCK_SANITIZED
  GTEST_SKIP() << "a sanitizer's runtime makes calls of its own, which the filter kills; builds without one run this";
#endif
  const auto idle = CompileFilter(IdlePolicy());
  const auto working = CompileFilter(WorkingPolicy());
  ASSERT_TRUE(idle.ok() && working.ok());
  const auto load = [&] {
    return ForbidNewPrivileges().ok() && LoadFilter(*idle).ok() && ConfirmFilter().ok() && LoadFilter(*working).ok();
  };
  EXPECT_EQ(InChild([&] { return load() ? 0 : 1; }), 0);
  EXPECT_EQ(InChild([&] { return load() ? OpenError("/etc/passwd") : 1; }), -SIGSYS);
  EXPECT_EQ(InChild([&] { return load() ? static_cast<int>(syscall(SYS_getpid)) : 1; }), -SIGSYS);
  // What idle allows is gone with the second filter.
  EXPECT_EQ(InChild([&] { return load() && ConfirmFilter().ok() ? 0 : 1; }), -SIGSYS);
}

// A spawner that has been taken over.
TEST(FilterLoadTest, TheSpawnersFilterLeavesTheMakingOfWorkers) {
#ifdef AIRLOCK_SANITIZED
  GTEST_SKIP() << "a sanitizer's runtime makes calls of its own, which the filter kills; builds without one run this";
#endif
  const auto filter = CompileFilter(SpawnerPolicy());
  ASSERT_TRUE(filter.ok());
  const auto call = [&](long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
    return InChild([&] {
      if (!ForbidNewPrivileges().ok() || !LoadFilter(*filter).ok()) return 1;
      return syscall(number, a, b, c, d, e) >= 0 ? 0 : errno;
    });
  };
  const long path = reinterpret_cast<long>("/");
  EXPECT_EQ(call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY), 0);
  EXPECT_EQ(call(SYS_openat, AT_FDCWD, path, O_RDWR), -SIGSYS);
  EXPECT_EQ(call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CREAT), -SIGSYS);
  EXPECT_EQ(call(SYS_execve, path), -SIGSYS);
  EXPECT_EQ(call(SYS_execveat, 5, path, 0, 0, AT_EMPTY_PATH), EACCES);
  EXPECT_EQ(call(SYS_execveat, 6, path, 0, 0, AT_EMPTY_PATH), -SIGSYS);
  EXPECT_EQ(call(SYS_execveat, 5, path, 0, 0, 0), -SIGSYS);
  EXPECT_EQ(call(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1), -SIGSYS);
  EXPECT_EQ(call(SYS_mprotect, 0, 4096, PROT_EXEC), -SIGSYS);
  for (const long number : {SYS_socket, SYS_connect, SYS_kill, SYS_ptrace, SYS_mount, SYS_unshare, SYS_setns, SYS_bpf,
                            SYS_io_uring_setup, SYS_pidfd_open, SYS_process_vm_readv, SYS_setuid, SYS_chroot}) {
    EXPECT_EQ(call(number), -SIGSYS) << number;
  }
}

TEST(FilterLoadTest, AnEmptyFilterIsAnErrorAndNoneIsNotConfirmed) {
  EXPECT_FALSE(LoadFilter({}).ok());
  EXPECT_EQ(InChild([] { return ConfirmFilter().ok() ? 1 : 0; }), 0);
}

}  // namespace
}  // namespace airlock::walls
