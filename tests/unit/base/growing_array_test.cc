#include "sandbox/base/growing_array.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace airlock {
namespace {

TEST(GrowingArray, KeepsWhatItHoldsWhileItGrows) {
  GrowingArray<uint32_t> array;
  EXPECT_TRUE(array.empty());
  // Past the size from which the C library has blocks of their own, which the kernel moves.
  constexpr uint32_t kMany = 1 << 20;
  for (uint32_t i = 0; i < kMany; ++i) array.push_back(i);
  ASSERT_EQ(array.size(), kMany);
  for (uint32_t i = 0; i < kMany; ++i) ASSERT_EQ(array[i], i);
}

TEST(GrowingArray, TakesAValueOfItsOwn) {
  GrowingArray<uint64_t> array;
  array.push_back(7);
  for (int i = 0; i < 1000; ++i) array.push_back(array[0]);
  for (size_t i = 0; i < array.size(); ++i) ASSERT_EQ(array[i], 7U);
}

TEST(GrowingArray, ExtendsAtItsEnd) {
  GrowingArray<char> array;
  array.push_back('a');
  char* const fresh = array.Extend(2);
  fresh[0] = 'b';
  fresh[1] = 'c';
  EXPECT_EQ(array.size(), 3U);
  EXPECT_EQ(fresh, array.data() + 1);
  EXPECT_EQ(array[2], 'c');
  array.Extend(0);
  EXPECT_EQ(array.size(), 3U);
}

TEST(GrowingArray, AppendsValuesOfItsOwn) {
  GrowingArray<uint32_t> array;
  const uint32_t first[] = {1, 2, 3};
  array.Append(first);
  array.Append({});
  // Most of them fit, some make it grow while they are read.
  for (int i = 0; i < 18; ++i) array.Append({array.data(), array.size()});
  ASSERT_EQ(array.size(), size_t{3} << 18);
  for (size_t i = 0; i < array.size(); ++i) ASSERT_EQ(array[i], i % 3 + 1);
}

TEST(GrowingArray, RefusesASizeThatCannotBeCounted) {
  GrowingArray<uint64_t> array;
  array.push_back(1);
  EXPECT_THROW(array.Extend(SIZE_MAX / 2), std::bad_alloc);
  EXPECT_EQ(array[0], 1U);
}

TEST(GrowingArrayDeathTest, DiesOfAnIndexBeyondItsEnd) {
  GrowingArray<int> array;
  array.push_back(1);
  EXPECT_DEATH(array[1] = 2, "");
}

}  // namespace
}  // namespace airlock
