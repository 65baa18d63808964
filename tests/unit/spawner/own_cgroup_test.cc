#include "sandbox/spawner/own_cgroup.h"

#include <gtest/gtest.h>

#include <sstream>

namespace airlock::spawner {
namespace {

constexpr char kUnified[] =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr char kHybrid[] =
    "31 30 0:27 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs ro,mode=755\n"
    "32 31 0:28 / /sys/fs/cgroup/pids rw shared:13 - cgroup cgroup rw,pids\n"
    "33 31 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

std::string Find(const std::string& mountinfo, const std::string& cgroup) {
  std::istringstream mounts(mountinfo);
  std::istringstream groups(cgroup);
  return CgroupDirectory(mounts, groups);
}

TEST(OwnCgroupTest, IsThePathBeneathTheMount) {
  EXPECT_EQ(Find(kUnified, "0::/system.slice/airlockd.service\n"), "/sys/fs/cgroup/system.slice/airlockd.service");
  EXPECT_EQ(Find(kUnified, "0::/\n"), "/sys/fs/cgroup");
  EXPECT_EQ(Find(kHybrid, "8:pids:/x\n1:name=systemd:/y\n0::/z\n"), "/sys/fs/cgroup/unified/z");
}

TEST(OwnCgroupTest, AMountOfAPartShowsThatPart) {
  const std::string part = "30 23 0:26 /box /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
  EXPECT_EQ(Find(part, "0::/box/a\n"), "/sys/fs/cgroup/a");
  EXPECT_EQ(Find(part, "0::/box\n"), "/sys/fs/cgroup");
  EXPECT_EQ(Find(part, "0::/boxer\n"), "");
  EXPECT_EQ(Find(part, "0::/other\n"), "");
}

TEST(OwnCgroupTest, TheLastMountLiesOnTop) {
  const std::string later = "40 23 0:26 /a /sys/fs/cgroup/a rw - cgroup2 cgroup rw\n";
  EXPECT_EQ(Find(kUnified + later, "0::/a/b\n"), "/sys/fs/cgroup/a/b");
}

TEST(OwnCgroupTest, WhatCannotBeSeenIsNone) {
  EXPECT_EQ(Find("", "0::/a\n"), "");
  EXPECT_EQ(Find(kUnified, ""), "");
  EXPECT_EQ(Find(kUnified, "4:memory:/a\n"), "");
  EXPECT_EQ(Find(kUnified, "0::/../outside\n"), "");
  EXPECT_EQ(Find("32 31 0:28 / /sys/fs/cgroup rw - cgroup cgroup rw,pids\n", "0::/a\n"), "");
  EXPECT_EQ(Find("30 23 0:26 / /odd\\040name rw - cgroup2 cgroup2 rw\n", "0::/a\n"), "");
  EXPECT_EQ(Find("30 23 0:26 / /sys/fs/cgroup rw\n", "0::/a\n"), "");
}

}  // namespace
}  // namespace airlock::spawner
