// A worker's cgroup alone, every other wall left out: memory and processes beyond a load's are not to be had, in any
// form; and the same deeds work where there is no group. Skipped where the machine's cgroup2 has no controllers.
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>

#include "sandbox/spawner/worker_groups.h"
#include "tests/hostile/attack_run.h"
#include "tests/hostile/breach.h"
#include "tests/hostile/deeds.h"
#include "tests/hostile/stage.h"
#include "tests/support/cgroup_stage.h"

namespace airlock::hostile {
namespace {

constexpr uint64_t kGroupBytes = 64 << 20;
static_assert(kGroupBytes < kFillBytes);
constexpr uint32_t kMakeChild = 520;
constexpr uint32_t kStartThread = 521;

class GroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can show that these attacks work where no wall stands";
    // Its victim stays where we are now.
    stage_ = std::make_unique<Stage>(HOSTILE_MARKER);
    group_ = std::make_unique<test::CgroupStage>();
    if (!group_->missing().empty()) GTEST_SKIP() << group_->missing();
    auto groups = spawner::WorkerGroups::Prepare({group_->directory(), kGroupBytes, true});
    ASSERT_TRUE(groups.ok()) << groups.error().step;
    groups_ = *groups;
  }

  // What becomes of a worker that does this deed behind no wall, or behind its group alone.
  Outcome Try(uint32_t deed, bool in_group) {
    stage_->Reset(deed);
    walls_to_raise = 0;
    auto options = OptionsFor(BREACHED_WORKER);
    if (in_group) options.groups = groups_;
    auto client = spawner::SpawnerClient::Start(options);
    EXPECT_TRUE(client.ok());
    const Fd input = stage_->Input(false);
    const Fd output = Stage::Output(false);
    const Fd graph = Stage::Graph(false);
    return RunWorker(**client, {input.get(), stage_->input_size(), output.get(), graph.get()});
  }

  static bool Survived(const Outcome& outcome) { return outcome.said.find("survived 0;") != std::string::npos; }

  void ExpectStoppedByMemory(uint32_t deed) {
    if (!group_->Has("memory")) GTEST_SKIP() << "cgroup2 has no memory controller here";
    EXPECT_TRUE(Survived(Try(deed, false))) << "the control";
    const Outcome outcome = Try(deed, true);
    EXPECT_EQ(outcome.layers & walls::kMemoryGroup, walls::kMemoryGroup);
    EXPECT_FALSE(Survived(outcome));
    EXPECT_TRUE(outcome.exit.by_signal);
    EXPECT_EQ(outcome.exit.code, SIGKILL);
    EXPECT_TRUE(outcome.exit.out_of_memory) << "told apart from other ends by SIGKILL";
  }

  void ExpectStoppedByPids(uint32_t deed) {
    if (!group_->Has("pids")) GTEST_SKIP() << "cgroup2 has no pids controller here";
    EXPECT_TRUE(Survived(Try(deed, false))) << "the control";
    const Outcome outcome = Try(deed, true);
    EXPECT_EQ(outcome.layers & walls::kPidsGroup, walls::kPidsGroup);
    EXPECT_NE(outcome.said.find("survived -11;"), std::string::npos) << "EAGAIN: " << outcome.said;
    EXPECT_FALSE(outcome.exit.out_of_memory);
  }

  std::unique_ptr<Stage> stage_;
  std::unique_ptr<test::CgroupStage> group_;
  std::shared_ptr<spawner::WorkerGroups> groups_;
};

TEST_F(GroupsTest, MemoryAloneStopsAWorkerThatFillsIt) { ExpectStoppedByMemory(kFillMemoryDeed); }

TEST_F(GroupsTest, MemoryAloneStopsAWorkerThatFillsItsOutput) { ExpectStoppedByMemory(kFillOutputDeed); }

TEST_F(GroupsTest, PidsAloneStopsASecondProcess) { ExpectStoppedByPids(kMakeChild); }

TEST_F(GroupsTest, PidsAloneStopsASecondThread) { ExpectStoppedByPids(kStartThread); }

// Without controllers too: what is not counted is not stopped, and nothing says that it were.
TEST_F(GroupsTest, AGroupClaimsItsControllersAndNoOthers) {
  const Outcome outcome = Try(kMakeChild, true);
  EXPECT_EQ((outcome.layers & walls::kMemoryGroup) != 0, group_->Has("memory"));
  EXPECT_EQ((outcome.layers & walls::kPidsGroup) != 0, group_->Has("pids"));
  EXPECT_EQ(Survived(outcome), !group_->Has("pids"));
}

}  // namespace
}  // namespace airlock::hostile
