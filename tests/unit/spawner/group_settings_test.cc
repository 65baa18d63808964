// What is written into a worker's cgroup, on a directory that only looks like one.
#include "sandbox/spawner/group_settings.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "sandbox/base/fd.h"
#include "sandbox/walls/layers.h"

namespace airlock::spawner {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kBoth = walls::kMemoryGroup | walls::kPidsGroup;

class GroupSettingsTest : public testing::Test {
 protected:
  GroupSettingsTest() {
    char folder[] = "/tmp/airlock-group-XXXXXX";
    folder_ = mkdtemp(folder);
    directory_ = Fd(open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~GroupSettingsTest() override { fs::remove_all(folder_); }

  void Make(const std::string& file) { std::ofstream(folder_ / file) << ""; }
  std::string Text(const std::string& file) {
    std::ifstream in(folder_ / file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::map<std::string, std::string> All() {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::directory_iterator(folder_))
      all[entry.path().filename()] = Text(entry.path().filename());
    return all;
  }

  fs::path folder_;
  Fd directory_;
};

TEST_F(GroupSettingsTest, EachControllerHasItsFiles) {
  for (const char* file : {"memory.max", "memory.swap.max", "memory.oom.group", "pids.max"}) Make(file);
  ASSERT_TRUE(ApplyGroupSettings(directory_.get(), GroupSettings(kBoth, 4096)).ok());
  EXPECT_EQ(All(),
            (std::map<std::string, std::string>{
                {"memory.max", "4096"}, {"memory.swap.max", "0"}, {"memory.oom.group", "1"}, {"pids.max", "1"}}));
}

TEST_F(GroupSettingsTest, WithoutAControllerItsFilesAreLetBe) {
  Make("pids.max");
  Make("memory.max");
  ASSERT_TRUE(ApplyGroupSettings(directory_.get(), GroupSettings(walls::kPidsGroup, 4096)).ok());
  EXPECT_EQ(All(), (std::map<std::string, std::string>{{"memory.max", ""}, {"pids.max", "1"}}));
  EXPECT_TRUE(GroupSettings(0, 4096).empty());
}

// Swap that is switched off has no file; without a limit there is no group.
TEST_F(GroupSettingsTest, WhatIsRequiredMustBeThere) {
  Make("memory.max");
  Make("pids.max");
  EXPECT_TRUE(ApplyGroupSettings(directory_.get(), GroupSettings(kBoth, 4096)).ok());
  for (const char* file : {"memory.max", "pids.max"}) {
    fs::remove(folder_ / file);
    const auto applied = ApplyGroupSettings(directory_.get(), GroupSettings(kBoth, 4096));
    ASSERT_FALSE(applied.ok());
    EXPECT_EQ(applied.error().error_number, ENOENT);
    EXPECT_NE(applied.error().step.find(file), std::string::npos);
    EXPECT_FALSE(fs::exists(folder_ / file)) << "nothing is made that the kernel does not have";
    Make(file);
  }
}

TEST_F(GroupSettingsTest, LinksAreNotFollowed) {
  Make("elsewhere");
  fs::create_symlink(folder_ / "elsewhere", folder_ / "pids.max");
  EXPECT_FALSE(ApplyGroupSettings(directory_.get(), GroupSettings(walls::kPidsGroup, 0)).ok());
  EXPECT_EQ(Text("elsewhere"), "");
}

TEST_F(GroupSettingsTest, MemoryIsAddressSpaceAndGraphAndOutputAndSlack) {
  Limits limits;
  limits.memory_bytes = 1 << 20;
  limits.output_bytes = 1 << 10;
  EXPECT_EQ(GroupMemoryBytes(limits), (2U << 20) + (1U << 10) + kGroupSlackBytes);
  limits.output_bytes = ~uint64_t{0};
  EXPECT_EQ(GroupMemoryBytes(limits), ~uint64_t{0} >> 1) << "the kernel's largest, and no small number by wrapping";
}

}  // namespace
}  // namespace airlock::spawner
