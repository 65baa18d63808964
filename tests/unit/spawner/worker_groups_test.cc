// Cgroups for real: where workers are, what is left of their groups, and when there are none.
#include "sandbox/spawner/worker_groups.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "sandbox/spawner/spawner_client.h"
#include "sandbox/spawner/worker_launch.h"
#include "sandbox/walls/layers.h"
#include "sandbox/walls/worker_fds.h"
#include "tests/support/cgroup_stage.h"
#include "tests/support/in_child.h"

namespace airlock::spawner {
namespace {

namespace fs = std::filesystem;
using test::CgroupOf;
using test::InChild;
using test::TextOf;
using test::WriteText;

constexpr int kNoUse = 200;

class WorkerGroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!stage_.missing().empty()) GTEST_SKIP() << stage_.missing();
  }

  GroupOptions Options() const { return {stage_.directory(), uint64_t{64} << 20, true}; }

  std::shared_ptr<WorkerGroups> Prepare() {
    auto groups = WorkerGroups::Prepare(Options());
    EXPECT_TRUE(groups.ok()) << groups.error().step << " " << groups.error().error_number;
    return groups.ok() ? *groups : nullptr;
  }

  std::unique_ptr<SpawnerClient> Start(std::shared_ptr<WorkerGroups> groups) {
    SpawnerOptions options;
    options.worker_program = WORKER;
    options.groups = std::move(groups);
    auto client = SpawnerClient::Start(options);
    EXPECT_TRUE(client.ok());
    return client.ok() ? std::move(client).value() : nullptr;
  }

  // Names beneath the stage that begin so.
  size_t Groups(const std::string& prefix) const {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(stage_.directory())) {
      count += entry.is_directory() && entry.path().filename().string().starts_with(prefix) ? 1 : 0;
    }
    return count;
  }

  // Every worker in its own group, none left afterwards.
  void ExpectOwnGroups(SpawnerClient& client) {
    {
      auto first = client.Spawn();
      auto second = client.Spawn();
      ASSERT_TRUE(first.ok() && second.ok());
      EXPECT_EQ(Groups("worker-"), 2U);
      const std::string broker = CgroupOf(getpid());
      EXPECT_TRUE(broker.ends_with("/broker"));
      const std::string parent = broker.substr(0, broker.rfind('/'));
      EXPECT_TRUE(CgroupOf(first->pid).starts_with(parent + "/worker-")) << CgroupOf(first->pid);
      EXPECT_TRUE(CgroupOf(second->pid).starts_with(parent + "/worker-")) << CgroupOf(second->pid);
      EXPECT_NE(CgroupOf(first->pid), CgroupOf(second->pid));
      (void)KillAndReap(*first);
      EXPECT_EQ(Groups("worker-"), 1U) << "a group goes with its worker";
      // Killed by others than us.
      kill(second->pid, SIGKILL);
      pollfd ended{second->pidfd.get(), POLLIN, 0};
      EXPECT_EQ(poll(&ended, 1, 10'000), 1);
    }
    EXPECT_EQ(Groups("worker-"), 0U);
  }

  test::CgroupStage stage_;
};

TEST_F(WorkerGroupsTest, EveryWorkerIsInAGroupOfItsOwnThatGoesWithIt) {
  const auto client = Start(Prepare());
  ASSERT_TRUE(client);
  ExpectOwnGroups(*client);
}

TEST_F(WorkerGroupsTest, TheSpawnerIsInTheBrokersGroup) {
  const auto client = Start(Prepare());
  ASSERT_TRUE(client);
  const std::string self = std::to_string(getpid());
  const pid_t spawner = std::atoi(TextOf("/proc/" + self + "/task/" + self + "/children").c_str());
  ASSERT_GT(spawner, 0);
  EXPECT_EQ(CgroupOf(spawner), CgroupOf(getpid()));
}

TEST_F(WorkerGroupsTest, AWorkerHasNoDescriptorOfItsGroup) {
  const auto client = Start(Prepare());
  ASSERT_TRUE(client);
  auto worker = client->Spawn();
  ASSERT_TRUE(worker.ok());
  char ready[1];
  pollfd waiting{worker->socket.get(), POLLIN, 0};
  ASSERT_EQ(poll(&waiting, 1, 10'000), 1);
  ASSERT_EQ(read(worker->socket.get(), ready, 1), 1);
  size_t open = 0;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(worker->pid) + "/fd")) {
    EXPECT_LE(std::stoi(entry.path().filename()), walls::kSocketFd);
    ++open;
  }
  EXPECT_EQ(open, 4U);
}

// As under RestrictNamespaces= of a unit, or in a container: the broker puts workers into their groups.
TEST_F(WorkerGroupsTest, WithoutClone3WorkersAreMoved) {
  const auto groups = Prepare();
  ASSERT_TRUE(groups);
  const int result = InChild([&] {
    void* const filter = seccomp_init(SCMP_ACT_ALLOW);
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) != 0 || seccomp_load(filter) != 0)
      return 1;
    const auto client = Start(groups);
    if (!client) return 2;
    auto worker = client->Spawn();
    if (!worker.ok() || CgroupOf(worker->pid).find("/worker-") == std::string::npos) return 3;
    (void)KillAndReap(*worker);
    return Groups("worker-") == 0 ? 0 : 4;
  });
  EXPECT_EQ(result, 0);
}

// Where the spawner may, a worker is in its group from the first moment. The program stands in for a worker: it goes
// on.
TEST_F(WorkerGroupsTest, WithClone3WorkersAreBornThere) {
  const auto groups = Prepare();
  ASSERT_TRUE(groups);
  const int result = InChild([&] {
    auto group = groups->Make();
    const int null = open("/dev/null", O_RDWR);
    const int program = open("/usr/bin/yes", O_PATH);
    if (!group.ok() || null < 0 || program < 0) return 1;
    const int directory = fcntl(group->fd(), F_DUPFD, 20);
    if (dup2(null, 1) < 0 || dup2(program, walls::kProgramFd) < 0 || directory < 0) return 2;
    WorkerLauncher launcher(0, getppid());
    const LaunchedWorker worker = launcher.Launch(null, directory, 0);
    if (worker.failure.error_number != 0 || worker.pid < 0) return 3;
    const bool born_there = CgroupOf(worker.pid).find("/worker-") != std::string::npos;
    kill(worker.pid, SIGKILL);
    return born_there ? 0 : 4;
  });
  // The launcher's child is ours.
  waitpid(-1, nullptr, 0);
  EXPECT_EQ(result, 0);
}

TEST_F(WorkerGroupsTest, WhatAnEarlierDaemonHasLeftIsKilledAndRemoved) {
  const std::string left = stage_.directory() + "/worker-7";
  ASSERT_EQ(mkdir(left.c_str(), 0755), 0);
  ASSERT_EQ(mkdir((stage_.directory() + "/worker-8").c_str(), 0755), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    while (true) pause();
  }
  ASSERT_TRUE(WriteText(left + "/cgroup.procs", std::to_string(pid)));
  const auto groups = Prepare();
  ASSERT_TRUE(groups);
  EXPECT_EQ(Groups("worker-"), 0U);
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status));
}

TEST_F(WorkerGroupsTest, AGroupWithOthersInItIsNotOurs) {
  const pid_t pid = fork();
  if (pid == 0) {
    while (true) pause();
  }
  const std::string before = CgroupOf(getpid());
  const auto groups = WorkerGroups::Prepare(Options());
  ASSERT_FALSE(groups.ok());
  EXPECT_EQ(groups.error().error_number, EBUSY);
  EXPECT_EQ(CgroupOf(getpid()), before);
  EXPECT_EQ(Groups(""), 0U) << "everything is as it was";
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

TEST_F(WorkerGroupsTest, ASecondDaemonInTheSameGroupGoesWithout) {
  const auto groups = Prepare();
  ASSERT_TRUE(groups);
  auto running = groups->Make();
  ASSERT_TRUE(running.ok());
  const int result = InChild([&] {
    if (!WriteText(stage_.directory() + "/cgroup.procs", "0"))
      return kNoUse;  // controllers are on: nobody can be there
    const auto second = WorkerGroups::Prepare(Options());
    return second.ok() ? 1 : (second.error().error_number == EBUSY ? 0 : 2);
  });
  EXPECT_TRUE(result == 0 || result == kNoUse) << result;
  EXPECT_EQ(Groups("worker-"), 1U) << "the first one's workers are let be";
}

TEST_F(WorkerGroupsTest, WithoutControllersThereAreNoGroups) {
  if (stage_.Has("memory") || stage_.Has("pids")) GTEST_SKIP() << "this host's cgroup2 has controllers";
  GroupOptions options = Options();
  options.without_controllers_too = false;
  const auto groups = WorkerGroups::Prepare(options);
  ASSERT_FALSE(groups.ok());
  EXPECT_NE(groups.error().remedy.find("Delegate="), std::string::npos);
  EXPECT_EQ(Groups(""), 0U);
}

TEST_F(WorkerGroupsTest, WhatIsNotOursToWriteIsNotDelegated) {
  const int result = InChild([&] {
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) return kNoUse;
    const auto groups = WorkerGroups::Prepare(Options());
    return groups.ok() ? 1 : (groups.error().error_number == EACCES ? 0 : 2);
  });
  // The child is in the group too: to be alone there it would have to be us. Rights are looked at first.
  EXPECT_EQ(result, 0);
}

TEST_F(WorkerGroupsTest, TheRootGroupIsNobodys) {
  for (const std::string& directory :
       {std::string(), fs::path(stage_.directory()).parent_path().string(), std::string("/tmp")}) {
    GroupOptions options = Options();
    options.directory = directory;
    EXPECT_FALSE(WorkerGroups::Prepare(options).ok()) << directory;
  }
}

// Limits are in force before there is anybody to keep to them.
TEST_F(WorkerGroupsTest, LimitsAreSetAtBirth) {
  if (!stage_.Has("memory") && !stage_.Has("pids")) GTEST_SKIP() << "this host's cgroup2 has no controllers";
  const auto groups = Prepare();
  ASSERT_TRUE(groups);
  auto group = groups->Make();
  ASSERT_TRUE(group.ok());
  const std::string directory = stage_.directory() + "/worker-1";  // the trial was the first
  if (stage_.Has("memory")) {
    EXPECT_EQ(TextOf(directory + "/memory.max"), std::to_string(uint64_t{64} << 20) + "\n");
    EXPECT_NE(group->layers() & walls::kMemoryGroup, 0U);
  }
  if (stage_.Has("pids")) {
    EXPECT_EQ(TextOf(directory + "/pids.max"), "1\n");
    EXPECT_NE(group->layers() & walls::kPidsGroup, 0U);
  }
}

TEST_F(WorkerGroupsTest, GroupsMoveAndGoOnce) {
  const auto groups = Prepare();
  ASSERT_TRUE(groups);
  auto made = groups->Make();
  ASSERT_TRUE(made.ok());
  WorkerGroup group = std::move(*made);
  EXPECT_TRUE(group);
  EXPECT_FALSE(*made);
  EXPECT_EQ(made->fd(), -1);
  auto other = groups->Make();
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(Groups("worker-"), 2U);
  group = std::move(*other);
  EXPECT_EQ(Groups("worker-"), 1U);
  group.Remove();
  group.Remove();
  EXPECT_EQ(Groups("worker-"), 0U);
  EXPECT_FALSE(group.RanOutOfMemory());
  EXPECT_EQ(group.layers(), 0U);
}

}  // namespace
}  // namespace airlock::spawner
