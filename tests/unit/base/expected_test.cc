#include "sandbox/base/expected.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "sandbox/base/error.h"

namespace airlock {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0) return Fail(Reason::kTruncated, "odd", 7);
  return number / 2;
}

Result<int> Quarter(int number) {
  AIRLOCK_ASSIGN(const int half, Half(number));
  AIRLOCK_ASSIGN(const int quarter, Half(half));
  return quarter;
}

Result<void> CheckEven(int number) {
  AIRLOCK_TRY(Half(number));
  return {};
}

TEST(Expected, HoldsAValue) {
  const Result<int> half = Half(4);
  ASSERT_TRUE(half.ok());
  EXPECT_TRUE(static_cast<bool>(half));
  EXPECT_EQ(*half, 2);
}

TEST(Expected, HoldsTheReasonWhyThereIsNoValue) {
  const Result<int> half = Half(3);
  ASSERT_FALSE(half.ok());
  EXPECT_EQ(half.error().reason, Reason::kTruncated);
  EXPECT_EQ(half.error().message, "odd");
  EXPECT_EQ(half.error().offset, 7u);
  EXPECT_FALSE(half.error().limit.has_value());
}

TEST(Expected, AssignGoesOnWithTheValueOrReturnsTheFirstError) {
  const Result<int> good = Quarter(8);
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(*good, 2);
  EXPECT_FALSE(Quarter(6).ok());
  EXPECT_FALSE(Quarter(3).ok());
}

TEST(Expected, OfNothingIsSuccessOrAnError) {
  EXPECT_TRUE(CheckEven(2).ok());
  const Result<void> odd = CheckEven(1);
  ASSERT_FALSE(odd.ok());
  EXPECT_EQ(odd.error().message, "odd");
}

TEST(Expected, MovesValuesThatCannotBeCopied) {
  Expected<std::unique_ptr<int>, std::string> box(std::make_unique<int>(5));
  ASSERT_TRUE(box.ok());
  const std::unique_ptr<int> taken = std::move(box).value();
  EXPECT_EQ(*taken, 5);
}

TEST(FailLimit, SaysWhichLimitWasHitAndWhatWasSeen) {
  const Result<int> result = FailLimit("depth", 10, 11, 3);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().reason, Reason::kLimitExceeded);
  ASSERT_TRUE(result.error().limit.has_value());
  EXPECT_STREQ(result.error().limit->name, "depth");
  EXPECT_EQ(result.error().limit->limit, 10u);
  EXPECT_EQ(result.error().limit->seen, 11u);
  EXPECT_EQ(result.error().message, "depth: 11 of at most 10");
}

}  // namespace
}  // namespace airlock
