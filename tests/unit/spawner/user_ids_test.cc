#include "sandbox/spawner/user_ids.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <vector>

namespace airlock::spawner {
namespace {

constexpr walls::UserRange kRange{1 << 16, 8};

TEST(UserRangeTest, OnlyPowersOfTwoAboveEverybodyElse) {
  using walls::IsUsable;
  EXPECT_TRUE(IsUsable(kRange));
  EXPECT_TRUE(IsUsable({1879048192, 1024}));
  EXPECT_TRUE(IsUsable({0x7fff0000, 0x8000}));
  EXPECT_FALSE(IsUsable({0, 8}));
  EXPECT_FALSE(IsUsable({1000, 8}));
  EXPECT_FALSE(IsUsable({65528, 8})) << "nobody is in there";
  EXPECT_FALSE(IsUsable({1 << 16, 0}));
  EXPECT_FALSE(IsUsable({1 << 16, 1})) << "the spawner's, and none for a worker";
  EXPECT_FALSE(IsUsable({1 << 16, 9}));
  EXPECT_FALSE(IsUsable({(1 << 16) + 4, 8}));
  EXPECT_FALSE(IsUsable({1 << 17, 1 << 17}));
  EXPECT_FALSE(IsUsable({0x7fffff00, 0x100})) << "2^31 - 1 is in there";
  EXPECT_FALSE(IsUsable({0xfffffff0, 16}));
  EXPECT_TRUE(kRange.Contains(65536) && kRange.Contains(65543));
  EXPECT_FALSE(kRange.Contains(65535) || kRange.Contains(65544) || kRange.Contains(0));
}

TEST(UserIdsTest, NoTwoLiveLeasesAreTheSame) {
  const auto ids = UserIds::Of(kRange);
  std::vector<UserLease> leases;
  std::set<uint32_t> seen;
  for (uint32_t i = 1; i < kRange.count; ++i) {
    auto lease = ids->Take();
    ASSERT_TRUE(lease);
    EXPECT_TRUE(kRange.Contains(lease->id()));
    EXPECT_NE(lease->id(), kRange.base) << "the spawner's";
    EXPECT_TRUE(seen.insert(lease->id()).second);
    leases.push_back(std::move(*lease));
  }
  EXPECT_FALSE(ids->Take());
  const uint32_t freed = leases[3].id();
  leases.erase(leases.begin() + 3);
  const auto again = ids->Take();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->id(), freed);
  EXPECT_FALSE(ids->Take());
}

TEST(UserIdsTest, TheOneThatHasBeenFreeForLongestIsNext) {
  const auto ids = UserIds::Of(kRange);
  const uint32_t first = ids->Take()->id();
  for (uint32_t i = 2; i < kRange.count; ++i) EXPECT_NE(ids->Take()->id(), first);
  EXPECT_EQ(ids->Take()->id(), first);
}

TEST(UserIdsTest, LeasesMoveAndOutliveTheirPool) {
  auto ids = UserIds::Of(kRange);
  std::optional<UserLease> lease = ids->Take();
  UserLease moved = std::move(*lease);
  EXPECT_NE(moved.id(), 0U);
  EXPECT_EQ(lease->id(), 0U);
  ids.reset();
  moved = UserLease();
  EXPECT_EQ(moved.id(), 0U);
}

}  // namespace
}  // namespace airlock::spawner
