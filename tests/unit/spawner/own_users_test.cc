// Workers that are users of their own: who they are, who may touch whom, and when a user is somebody else's turn.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "sandbox/spawner/spawner_client.h"
#include "sandbox/spawner/worker_setup.h"
#include "sandbox/spawner/worker_setup_make.h"
#include "sandbox/walls/bpf_evaluator.h"
#include "sandbox/walls/filter_check.h"
#include "sandbox/walls/layers.h"
#include "tests/support/in_child.h"
#include "tests/unit/spawner/spawner_pid.h"

namespace airlock::spawner {
namespace {

constexpr walls::UserRange kRange{0x70000000, 4};

// The four numbers of a line of /proc/PID/status: real, effective, saved, of the file system.
std::vector<uint32_t> Ids(pid_t pid, const std::string& key) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::vector<uint32_t> ids;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    std::istringstream numbers(line.substr(key.size()));
    for (uint32_t number = 0; numbers >> number;) ids.push_back(number);
  }
  return ids;
}

bool IsWholly(pid_t pid, uint32_t id) {
  const std::vector<uint32_t> four(4, id);
  return Ids(pid, "Uid:") == four && Ids(pid, "Gid:") == four && Ids(pid, "Groups:").empty();
}

bool SaysReady(const Worker& worker) {
  pollfd waiting{worker.socket.get(), POLLIN, 0};
  char byte = 0;
  return poll(&waiting, 1, 20'000) == 1 && read(worker.socket.get(), &byte, 1) == 1;
}

class OwnUsersTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root has users to give";
    SpawnerOptions options;
    options.worker_program = WORKER;
    options.without_namespaces = GetParam();
    options.users = kRange;
    auto client = SpawnerClient::Start(options);
    ASSERT_TRUE(client.ok()) << client.error().step << " " << client.error().error_number;
    client_ = std::move(client).value();
  }

  std::unique_ptr<SpawnerClient> client_;
};

TEST_P(OwnUsersTest, LiveWorkersAreDifferentUsersAndNeverTheSpawner) {
  EXPECT_TRUE(IsWholly(SpawnerPid(), kRange.base));
  std::vector<Worker> workers;
  std::set<uint32_t> users;
  for (uint32_t i = 1; i < kRange.count; ++i) {
    auto worker = client_->Spawn();
    ASSERT_TRUE(worker.ok() && SaysReady(*worker));
    EXPECT_EQ(worker->layers(), walls::kOwnUser);
    const uint32_t user = worker->lodging.user.id();
    EXPECT_TRUE(kRange.Contains(user) && user != kRange.base);
    EXPECT_TRUE(IsWholly(worker->pid, user));
    EXPECT_EQ(Ids(worker->pid, "Gid:").size(), 4U);
    EXPECT_TRUE(users.insert(user).second);
    workers.push_back(std::move(worker).value());
  }
  // All users are somebody: there is no further worker, rather than two of one user.
  const auto none = client_->Spawn();
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().error_number, EBUSY);
  EXPECT_NE(none.error().remedy.find("--worker-uids"), std::string::npos);
}

TEST_P(OwnUsersTest, AUserIsFreeAgainOnlyWhenItsWorkerIsReaped) {
  std::vector<Worker> workers;
  for (uint32_t i = 1; i < kRange.count; ++i) {
    auto worker = client_->Spawn();
    ASSERT_TRUE(worker.ok());
    workers.push_back(std::move(worker).value());
  }
  const uint32_t user = workers[1].lodging.user.id();
  kill(workers[1].pid, SIGKILL);
  pollfd ended{workers[1].pidfd.get(), POLLIN, 0};
  ASSERT_EQ(poll(&ended, 1, 10'000), 1);
  EXPECT_FALSE(client_->Spawn().ok()) << "dead, and not yet reaped";
  (void)KillAndReap(workers[1]);
  EXPECT_EQ(workers[1].layers(), 0U);
  auto next = client_->Spawn();
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->lodging.user.id(), user);
}

// What a worker without any other wall could do: a process of its user, asking the kernel.
TEST_P(OwnUsersTest, OneWorkersUserCannotSignalAnother) {
  auto first = client_->Spawn();
  auto second = client_->Spawn();
  ASSERT_TRUE(first.ok() && second.ok() && SaysReady(*first) && SaysReady(*second));
  const auto signal_as = [&](uint32_t user, pid_t target) {
    const pid_t pid = fork();
    if (pid == 0) {
      if (setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) _exit(200);
      _exit(kill(target, 0) == 0 ? 0 : errno);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
  };
  const uint32_t user = first->lodging.user.id();
  EXPECT_EQ(signal_as(user, second->pid), EPERM);
  EXPECT_EQ(signal_as(user, SpawnerPid()), EPERM);
  EXPECT_EQ(signal_as(user, first->pid), 0) << "the control: its own it can";
}

TEST_P(OwnUsersTest, TheSpawnerKeepsNothingOfRootButTheChangeOfUsers) {
  std::ifstream file("/proc/" + std::to_string(SpawnerPid()) + "/status");
  std::string capabilities;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("CapPrm:\t")) capabilities = line.substr(8);
  }
  // Within its own user namespace it has all, outside none; without one the two that change user and group.
  struct stat own {};
  struct stat theirs {};
  ASSERT_EQ(stat("/proc/self/ns/user", &own), 0);
  ASSERT_EQ(stat(("/proc/" + std::to_string(SpawnerPid()) + "/ns/user").c_str(), &theirs), 0);
  if (own.st_ino == theirs.st_ino) {
    EXPECT_EQ(capabilities, "00000000000000c0");
  } else {
    EXPECT_FALSE(GetParam());
    std::ifstream map("/proc/" + std::to_string(SpawnerPid()) + "/uid_map");
    uint32_t inside = 0, outside = 0, count = 0;
    map >> inside >> outside >> count;
    EXPECT_EQ(inside, kRange.base);
    EXPECT_EQ(outside, kRange.base);
    EXPECT_EQ(count, kRange.count);
    EXPECT_FALSE(map >> inside) << "nobody else exists in there";
  }
}

// Whether a process of `user`, outside of all namespaces, can trace another one: 0, or an errno.
int TraceAs(uint32_t user, pid_t target) {
  return test::InChild([=] {
    if (setgroups(0, nullptr) != 0 || setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) return 200;
    return ptrace(PTRACE_SEIZE, target, nullptr, nullptr) == 0 ? 0 : errno;
  });
}

// That a worker is not dumpable says nothing to whoever made its user namespace: nobody did not.
TEST(NobodysWorkersTest, AProcessOfTheSameUserCannotTraceThem) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be nobody";
  for (const walls::UserRange& users : {walls::UserRange{}, kRange}) {
    for (const bool without_namespaces : {false, true}) {
      SpawnerOptions options;
      options.worker_program = WORKER;
      options.without_namespaces = without_namespaces;
      options.users = users;
      auto client = SpawnerClient::Start(options);
      ASSERT_TRUE(client.ok());
      auto worker = (*client)->Spawn();
      ASSERT_TRUE(worker.ok() && SaysReady(*worker));
      const uint32_t user = users.count == 0 ? 65534 : worker->lodging.user.id();
      EXPECT_TRUE(IsWholly(worker->pid, user));
      EXPECT_EQ(TraceAs(user, worker->pid), EPERM) << users.count << without_namespaces;
      EXPECT_EQ(TraceAs(IsWholly(SpawnerPid(), user) ? user : users.base, SpawnerPid()), EPERM);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Postures, OwnUsersTest, testing::Bool(),
                         [](const auto& row) { return row.param ? "WithoutNamespaces" : "WithNamespaces"; });

TEST(OwnUsersSetupTest, TheSpawnersFilterKnowsTheseUsersAlone) {
  const auto decide = [](const WorkerSetup& setup, long number, uint64_t real, uint64_t effective, uint64_t saved) {
    seccomp_data call{};
    call.nr = static_cast<int>(number);
    call.arch = walls::NativeArch();
    call.args[0] = real;
    call.args[1] = effective;
    call.args[2] = saved;
    return walls::EvaluateBpf(setup.spawner.Program(), call) == SECCOMP_RET_ALLOW;
  };
  const auto setup_with = [](const walls::UserRange& users) {
    SpawnerOptions options;
    options.users = users;
    auto file = MakeWorkerSetup(options);
    EXPECT_TRUE(file.ok());
    return *ReadWorkerSetup(file->get());
  };
  const uint64_t base = kRange.base;
  const WorkerSetup with = setup_with(kRange);
  const WorkerSetup without = setup_with({});
  for (const long number : {SYS_setresuid, SYS_setresgid}) {
    for (uint64_t user = base; user < base + kRange.count; ++user) EXPECT_TRUE(decide(with, number, user, user, user));
    for (const uint64_t other : {uint64_t{0}, base - 1, base + kRange.count, uint64_t{0xffffffff}, uint64_t{1} << 32}) {
      EXPECT_FALSE(decide(with, number, other, base, base));
      EXPECT_FALSE(decide(with, number, base, other, base));
      EXPECT_FALSE(decide(with, number, base, base, other));
    }
    EXPECT_FALSE(decide(without, number, base, base, base));
  }
  for (const long number : {SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setgroups, SYS_setfsuid}) {
    EXPECT_FALSE(decide(with, number, base, base, base)) << number;
  }
}

TEST(OwnUsersSetupTest, ARangeThatCannotBeUsedIsNone) {
  SpawnerOptions options;
  options.users = {1000, 4};
  EXPECT_FALSE(MakeWorkerSetup(options).ok());
}

// Asked for and not to be had: no spawner, rather than one whose workers are all one user.
TEST(OwnUsersSetupTest, WithoutRootThereIsNoSpawner) {
  const int program = open(WORKER, O_PATH);
  ASSERT_GE(program, 0);
  for (const bool without_namespaces : {false, true}) {
    const pid_t pid = fork();
    if (pid == 0) {
      if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) _exit(1);
      prctl(PR_SET_DUMPABLE, 1);  // or what is in /proc/self is root's
      SpawnerOptions options;
      options.worker_program = "/proc/self/fd/" + std::to_string(program);
      options.users = kRange;
      options.without_namespaces = without_namespaces;
      const auto client = SpawnerClient::Start(options);
      if (client.ok()) _exit(2);
      _exit(client.error().remedy.find("--worker-uids") != std::string::npos ? 0 : 3);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0) << without_namespaces;
  }
  close(program);
}

}  // namespace
}  // namespace airlock::spawner
