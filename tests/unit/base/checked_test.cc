#include "sandbox/base/checked.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace airlock {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(CheckedAdd, GivesTheSumUpToTheLargestNumber) {
  EXPECT_EQ(CheckedAdd(0, 0), 0u);
  EXPECT_EQ(CheckedAdd(kMax - 1, 1), kMax);
  EXPECT_EQ(CheckedAdd(kMax, 0), kMax);
}

TEST(CheckedAdd, IsAbsentWhereItWouldWrap) {
  EXPECT_EQ(CheckedAdd(kMax, 1), std::nullopt);
  EXPECT_EQ(CheckedAdd(uint64_t{1} << 63, uint64_t{1} << 63), std::nullopt);
}

TEST(CheckedMul, GivesTheProductUpToTheLargestNumber) {
  EXPECT_EQ(CheckedMul(kMax, 0), 0u);
  EXPECT_EQ(CheckedMul(kMax, 1), kMax);
  EXPECT_EQ(CheckedMul(uint64_t{1} << 32, (uint64_t{1} << 32) - 1), kMax - (uint64_t{1} << 32) + 1);
}

TEST(CheckedMul, IsAbsentWhereItWouldWrap) {
  EXPECT_EQ(CheckedMul(uint64_t{1} << 32, uint64_t{1} << 32), std::nullopt);
  EXPECT_EQ(CheckedMul(kMax, 2), std::nullopt);
}

TEST(SpanFits, AcceptsSpansThatEndAtTheEnd) {
  EXPECT_TRUE(SpanFits(0, 10, 10));
  EXPECT_TRUE(SpanFits(10, 0, 10));
  EXPECT_TRUE(SpanFits(0, 0, 0));
  EXPECT_TRUE(SpanFits(0, kMax, kMax));
}

TEST(SpanFits, RefusesSpansThatReachPastTheEndEvenByWrapping) {
  EXPECT_FALSE(SpanFits(0, 11, 10));
  EXPECT_FALSE(SpanFits(11, 0, 10));
  EXPECT_FALSE(SpanFits(5, 6, 10));
  EXPECT_FALSE(SpanFits(1, kMax, 10));
  EXPECT_FALSE(SpanFits(kMax, 1, kMax));
}

}  // namespace
}  // namespace airlock
