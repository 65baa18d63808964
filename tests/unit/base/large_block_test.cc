#include "sandbox/base/large_block.h"

#include <gtest/gtest.h>

#include <vector>

namespace airlock {
namespace {

TEST(LargeBlock, BeginsWhereAHugePageDoes) {
  for (const size_t bytes : {size_t{1}, kHugePage, kLargeBlock, 3 * kHugePage + 1}) {
    auto* const block = static_cast<unsigned char*>(AllocateLargeBlock(bytes));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % kHugePage, 0U);
    EXPECT_EQ(block[0] | block[bytes - 1], 0);
    block[bytes - 1] = 1;
    FreeLargeBlock(block, bytes);
  }
  EXPECT_THROW(AllocateLargeBlock(SIZE_MAX), std::bad_alloc);
}

TEST(LargeBlock, ColumnsGrowAcrossIt) {
  std::vector<uint64_t, LargeBlocks<uint64_t>> column;
  constexpr uint64_t kValues = 3 * kLargeBlock / sizeof(uint64_t);
  for (uint64_t i = 0; i < kValues; ++i) column.push_back(i);
  for (uint64_t i = 0; i < kValues; ++i) ASSERT_EQ(column[i], i);
  const auto copy = column;
  EXPECT_EQ(copy, column);
  EXPECT_THROW(column.reserve(SIZE_MAX / sizeof(uint64_t)), std::exception);
}

TEST(LargeBlock, RoomAheadIsBounded) {
  EXPECT_EQ(RoomAhead(100, 8), 400U);
  // Where the column is not small any more: at least 16 MiB, at most 64 MiB more.
  EXPECT_EQ(RoomAhead(100'000, 8), 100'000 + (size_t{16} << 20) / 8);
  EXPECT_EQ(RoomAhead(1'000'000, 8), 5'000'000U);
  EXPECT_EQ(RoomAhead(100'000'000, 8), 100'000'000 + (size_t{64} << 20) / 8);
}

}  // namespace
}  // namespace airlock
