// A broker that has been taken over, tried on the confinement of the real one: what it must not, and what it needs.
#include "server/confinement.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <thread>

#include "sandbox/base/fd.h"
#include "sandbox/spawner/worker_groups.h"
#include "sandbox/walls/denials.h"
#include "sandbox/walls/landlock.h"
#include "tests/support/cgroup_stage.h"
#include "tests/support/in_child.h"

namespace airlock::server {
namespace {

namespace fs = std::filesystem;
using test::InChild;

class ConfinementTest : public testing::Test {
 protected:
  void SetUp() override {
#ifdef AIRLOCK_SANITIZED
    GTEST_SKIP() << "a sanitizer's runtime needs what is denied; builds without one run this";
#endif
    std::string pattern = (fs::temp_directory_path() / "airlock-confinement-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    for (const char* name : {"root", "spool", "run", "other"}) fs::create_directory(folder_ / name);
    std::ofstream(folder_ / "root" / "model.pt") << "model";
    std::ofstream(folder_ / "other" / "secret") << "secret";
    options_.listen = {"unix:" + (folder_ / "run" / "s").string()};
    options_.spool_dir = (folder_ / "spool").string();
    options_.roots = {(folder_ / "root").string()};
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  // The same in one that is confined. 250: it could not be.
  template <typename Act>
  int Confined(Act act) {
    return InChild([&] { return ConfineBroker(options_).ok() ? act() : 250; });
  }
  // In one that is confined and serves.
  template <typename Act>
  int Serving(Act act) {
    return Confined([&] { return ConfineServingBroker().ok() ? act() : 251; });
  }
  // The same of one call: its errno, 0 where it works.
  int Call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
    return Confined([=] { return ::syscall(number, a, b, c, d) >= 0 ? 0 : errno; });
  }
  int Open(const fs::path& path, int flags) {
    return Confined([&] {
      const Fd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
      return fd ? 0 : errno;
    });
  }

  fs::path folder_;
  Options options_;
};

// Each row of the table, called with nothing: denied calls never come as far as their arguments.
TEST_F(ConfinementTest, EveryDenialIsInForce) {
  for (const walls::DenialRow& row : walls::BrokerDenials()) {
    const int number = seccomp_syscall_resolve_name(std::string(row.syscall).c_str());
    const int expected = row.error_number == 0 ? -SIGSYS : row.error_number;
    EXPECT_EQ(Call(number, static_cast<long>(row.value)), expected) << row.syscall << " " << row.value;
    EXPECT_FALSE(row.why.empty());
  }
  EXPECT_GE(walls::BrokerDenials().size(), 70U);
  options_.listen.push_back("tcp:127.0.0.1:7443");
  // Descriptor -1, so that one that is not denied changes nothing.
  for (const walls::DenialRow& row : walls::ServingDenials()) {
    const int number = seccomp_syscall_resolve_name(std::string(row.syscall).c_str());
    const long first = row.mask != 0 ? static_cast<long>(row.value) : -1;
    EXPECT_EQ(Serving([=] { return ::syscall(number, first, 0, 0, 0) >= 0 ? 0 : errno; }), row.error_number)
        << row.syscall;
    EXPECT_NE(Call(number, first), EPERM) << row.syscall << ": until then it needs it";
  }
}

TEST_F(ConfinementTest, ExecutesNothingAndMakesNoProcess) {
  EXPECT_EQ(Confined([] { return ::execl("/bin/true", "true", nullptr) != 0 ? errno : 0; }), -SIGSYS);
  EXPECT_EQ(Confined([] { return ::fork() < 0 ? errno : 0; }), EPERM);
  EXPECT_EQ(Confined([] { return std::system("true") == 0 ? 0 : 1; }), 1);
  EXPECT_EQ(Call(SYS_unshare, CLONE_NEWUSER), EPERM);
  EXPECT_EQ(Call(SYS_clone3, 0, 0), ENOSYS);
  EXPECT_EQ(Call(SYS_memfd_create, reinterpret_cast<long>("x"), 0), 0) << "the control: it needs these";
}

// Whoever starts programs for others listens on a unix socket: the service manager, a container engine, a user's bus.
TEST_F(ConfinementTest, AsksNobodyElseToExecuteAnything) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder_ / "other" / "manager").c_str(), sizeof(address.sun_path) - 1);
  const auto* const name = reinterpret_cast<const sockaddr*>(&address);
  const Fd manager(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_TRUE(::bind(manager.get(), name, sizeof(address)) == 0 && ::listen(manager.get(), 8) == 0);
  const auto call = [&] {
    const Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    return ::connect(fd.get(), name, sizeof(address)) == 0 ? 0 : errno;
  };
  EXPECT_EQ(Confined(call), 0) << "the control: it looks whether another daemon answers where it is to serve";
  EXPECT_EQ(Serving(call), EPERM);
  // Also a thread that was there before.
  EXPECT_EQ(Confined([&] {
              std::atomic<bool> serves = false;
              std::atomic<int> result = 252;
              std::thread early([&] {
                while (!serves) std::this_thread::yield();
                result = call();
              });
              if (!ConfineServingBroker().ok()) result = 251;
              serves = true;
              early.join();
              return result.load();
            }),
            EPERM);
}

TEST_F(ConfinementTest, SignalsNobodyByNumber) {
  const pid_t other = ::getpid();
  EXPECT_EQ(Confined([=] { return ::kill(other, 0) == 0 ? 0 : errno; }), EPERM);
  EXPECT_EQ(Call(SYS_tgkill, other, other, 0), EPERM);
  EXPECT_EQ(Call(SYS_pidfd_open, other, 0), EPERM);
  const int folder = walls::LandlockAbi() != 0 ? EACCES : 0;
  EXPECT_EQ(Open("/proc/" + std::to_string(other), O_RDONLY | O_DIRECTORY), folder);
  EXPECT_LT(Confined([]() -> int { std::abort(); }), 0) << "it can still end itself";
}

TEST_F(ConfinementTest, OpensNoFileToOthers) {
  const std::string secret = (folder_ / "other" / "secret").string();
  EXPECT_EQ(Serving([&] { return ::chmod(secret.c_str(), 0666) == 0 ? 0 : errno; }), EPERM);
  EXPECT_EQ(Serving([&] { return ::fchmodat(AT_FDCWD, secret.c_str(), 0666, 0) == 0 ? 0 : errno; }), EPERM);
}

TEST_F(ConfinementTest, TracesAndReadsNobody) {
  EXPECT_EQ(Call(SYS_ptrace, PTRACE_SEIZE, ::getpid()), -SIGSYS);
  EXPECT_EQ(Call(SYS_process_vm_readv, ::getpid()), -SIGSYS);
  EXPECT_EQ(Call(SYS_pidfd_getfd, 0, 0), -SIGSYS);
  EXPECT_EQ(Open("/proc/" + std::to_string(::getpid()) + "/mem", O_RDWR), EACCES);
}

TEST_F(ConfinementTest, ChangesNeitherMountsNorMachine) {
  EXPECT_EQ(Confined([] { return ::mount("x", "/mnt", "tmpfs", 0, nullptr); }), -SIGSYS);
  EXPECT_EQ(Call(SYS_chroot, reinterpret_cast<long>("/")), -SIGSYS);
  EXPECT_EQ(Call(SYS_bpf, 0), -SIGSYS);
  EXPECT_EQ(Call(SYS_io_uring_setup, 1), ENOSYS);
  EXPECT_EQ(Call(SYS_setuid, 1), EPERM);
}

TEST_F(ConfinementTest, MemoryIsNeverWrittenAndExecuted) {
  if (Confined([] { return ::prctl(66, 0, 0, 0, 0) > 0 ? 0 : 1; }) != 0) GTEST_SKIP() << "Linux before 6.3";
  const int result = Confined([] {
    constexpr int kAll = PROT_READ | PROT_WRITE | PROT_EXEC;
    return ::mmap(nullptr, 4096, kAll, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
  });
  EXPECT_EQ(result, EACCES);
}

TEST_F(ConfinementTest, ReachesNoFileButItsOwn) {
  if (walls::LandlockAbi() == 0) GTEST_SKIP() << "no Landlock on this host";
  EXPECT_EQ(Open(folder_ / "other" / "secret", O_RDONLY), EACCES);
  EXPECT_EQ(Open("/etc/passwd", O_RDONLY), EACCES);
  for (const char* file : {"kcore", "kallsyms", "version", "self/environ"}) {
    const int error = Open(fs::path("/proc") / file, O_RDONLY);
    EXPECT_TRUE(error == EACCES || error == ENOENT) << file;
  }
  EXPECT_EQ(Open(folder_ / "other" / "new", O_WRONLY | O_CREAT), EACCES);
  EXPECT_EQ(Open("/tmp/airlock-confinement-new", O_WRONLY | O_CREAT), EACCES);
  EXPECT_EQ(Open(folder_ / "root" / "model.pt", O_WRONLY), EACCES);
  EXPECT_EQ(Open(folder_ / "root" / "new", O_WRONLY | O_CREAT), EACCES);
  EXPECT_EQ(Confined([&] { return ::unlink((folder_ / "root" / "model.pt").c_str()) == 0 ? 0 : errno; }), EACCES);
  EXPECT_EQ(Confined([&] { return ::mkdir((folder_ / "spool" / "d").c_str(), 0700) == 0 ? 0 : errno; }), EACCES);
  EXPECT_EQ(Confined([&] { return ::symlink("/", (folder_ / "spool" / "l").c_str()) == 0 ? 0 : errno; }), EACCES);
  EXPECT_EQ(Open(folder_ / "root" / "model.pt", O_RDONLY), 0);
  EXPECT_EQ(Open(folder_ / "spool" / "upload", O_RDWR | O_CREAT), 0);
  EXPECT_EQ(Open(folder_ / "spool", O_TMPFILE | O_RDWR), 0);
}

// Beneath its groups it makes and removes directories and writes the files that are there; nowhere else.
TEST_F(ConfinementTest, MakesGroupsWhereItWasToldAlone) {
  if (walls::LandlockAbi() == 0) GTEST_SKIP() << "no Landlock on this host";
  const fs::path groups = folder_ / "groups";
  fs::create_directories(groups / "worker-1");
  std::ofstream(groups / "worker-1" / "pids.max") << "max";
  const auto confined = [&](auto act) {
    return InChild([&] { return ConfineBroker(options_, groups.string()).ok() ? act() : 250; });
  };
  const auto open_in = [&](const fs::path& path, int flags) {
    return confined([&] {
      const Fd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
      return fd ? 0 : errno;
    });
  };
  const auto make_in = [&](const fs::path& path) {
    return confined([&] { return ::mkdir(path.c_str(), 0700) == 0 && ::rmdir(path.c_str()) == 0 ? 0 : errno; });
  };
  EXPECT_EQ(open_in(groups / "worker-1" / "pids.max", O_WRONLY), 0);
  EXPECT_EQ(open_in(groups / "worker-1" / "pids.max", O_RDONLY), 0);
  EXPECT_EQ(open_in(groups / "new", O_WRONLY | O_CREAT), EACCES);
  EXPECT_EQ(open_in(folder_ / "other" / "secret", O_RDONLY), EACCES);
  EXPECT_EQ(make_in(groups / "worker-2"), 0);
  EXPECT_EQ(make_in(folder_ / "spool" / "d"), EACCES);
  EXPECT_EQ(make_in(folder_ / "d"), EACCES);
}

// A private daemon removes the empty directory of its socket, and makes none; another daemon does neither.
TEST_F(ConfinementTest, TakesAwayTheDirectoryOfAPrivateSocketAlone) {
  if (walls::LandlockAbi() == 0) GTEST_SKIP() << "no Landlock on this host";
  const auto remove = [&] { return Confined([&] { return ::rmdir((folder_ / "run").c_str()) == 0 ? 0 : errno; }); };
  EXPECT_EQ(remove(), EACCES);
  options_.private_fd = 0;
  EXPECT_EQ(Confined([&] { return ::mkdir((folder_ / "d").c_str(), 0700) == 0 ? 0 : errno; }), EACCES);
  EXPECT_EQ(Confined([&] { return ::unlink((folder_ / "other" / "secret").c_str()) == 0 ? 0 : errno; }), EACCES);
  EXPECT_EQ(remove(), 0);
}

TEST_F(ConfinementTest, LeavesWorkersTheirCgroups) {
  const test::CgroupStage stage;
  if (!stage.missing().empty()) GTEST_SKIP() << stage.missing();
  auto groups = spawner::WorkerGroups::Prepare({stage.directory(), uint64_t{1} << 30, true});
  ASSERT_TRUE(groups.ok());
  const int result = InChild([&] {
    if (!ConfineBroker(options_, (*groups)->directory()).ok()) return 1;
    auto group = (*groups)->Make();
    if (!group.ok() || !group->Admit(::getpid()).ok()) return 2;
    // Back, so that it is empty again.
    if (spawner::WriteGroupFile(group->fd(), "../broker/cgroup.procs", "0") != 0) return 3;
    group->Remove();
    return fs::exists(fs::path(stage.directory()) / "worker-1") ? 4 : 0;
  });
  EXPECT_EQ(result, 0);
}

// The first family that a confined process may have besides `allowed`, with its number as it is or under bits that the
// kernel does not look at; -1: none. More of them than any kernel has.
int FirstFamilyBesides(std::initializer_list<int> allowed) {
  for (const long garbage : {0L, 1L << 32, -1L << 32}) {
    for (int family = 0; family < 64; ++family) {
      if (std::find(allowed.begin(), allowed.end(), family) != allowed.end()) continue;
      for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET}) {
        const bool refused = ::syscall(SYS_socket, garbage | family, type, 0) < 0;
        if (!refused || (errno != EPERM && family != AF_UNSPEC)) return family;
      }
    }
  }
  return -1;
}

TEST_F(ConfinementTest, OpensNoSocketThatItDoesNotServe) {
  EXPECT_EQ(Confined([] { return FirstFamilyBesides({AF_UNIX}) + 1; }), 0);
  EXPECT_EQ(Call(SYS_socket, AF_UNIX, SOCK_STREAM, 0), 0);
  options_.listen.push_back("tcp:127.0.0.1:7443");
  EXPECT_EQ(Confined([] { return FirstFamilyBesides({AF_UNIX, AF_INET, AF_INET6}) + 1; }), 0);
  EXPECT_EQ(Call(SYS_socket, AF_INET, SOCK_STREAM, 0), 0);
}

// With TCP it binds the port that it was told of, and connects to none.
TEST_F(ConfinementTest, ServesTheTcpPortOfItsOptionsAlone) {
  if (walls::LandlockAbi() < 4) GTEST_SKIP() << "Landlock knows no ports here";
  options_.listen.push_back("tcp:127.0.0.1:7443");
  const auto bind_to = [&](uint16_t port) {
    return Confined([=] {
      const Fd fd(::socket(AF_INET, SOCK_STREAM, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return errno;
      return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 ? 0 : 200 + errno;
    });
  };
  EXPECT_EQ(bind_to(7444), EACCES);
  EXPECT_EQ(bind_to(7443), 200 + EACCES);
}

// A host that has it and does not let it be entered is not one that lacks it.
TEST_F(ConfinementTest, LandlockThatFailsIsNoConfinement) {
  if (walls::LandlockAbi() == 0) GTEST_SKIP() << "no Landlock on this host";
  const auto confined_behind_a_refusal = [&] {
    void* const filter = seccomp_init(SCMP_ACT_ALLOW);
    (void)seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(landlock_restrict_self), 0);
    if (seccomp_load(filter) != 0) return 2;
    return ConfineBroker(options_).ok() ? 0 : 1;
  };
  EXPECT_EQ(InChild(confined_behind_a_refusal), 1);
  options_.posture = walls::Posture::kFilterOnly;
  EXPECT_EQ(InChild(confined_behind_a_refusal), 0);
}

TEST_F(ConfinementTest, HoldsForThreadsAndLeavesWhatTheBrokerNeeds) {
  EXPECT_EQ(Confined([&] {
              int result = 0;
              std::thread([&] {
                const Fd fd(::open("/etc/passwd", O_RDONLY));
                result = fd ? 1 : 0;
              }).join();
              return result;
            }),
            walls::LandlockAbi() != 0 ? 0 : 1);
  // A socket in its own folder, and a worker's pair.
  EXPECT_EQ(Confined([&] {
              sockaddr_un address{};
              address.sun_family = AF_UNIX;
              std::strncpy(address.sun_path, (folder_ / "run" / "s").c_str(), sizeof(address.sun_path) - 1);
              const Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET, 0));
              int pair[2];
              if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 1;
              if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return 2;
              if (::listen(fd.get(), 1) != 0) return 3;
              return ::unlink(address.sun_path) == 0 ? 0 : 4;
            }),
            0);
}

}  // namespace
}  // namespace airlock::server
