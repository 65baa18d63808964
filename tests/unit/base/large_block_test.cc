#include "sandbox/base/large_block.h"

#include <gtest/gtest.h>

#include <algorithm>
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

TEST(LargeBlock, DropsNoPageThatIsNotWhollyItsOwn) {
  constexpr size_t kBytes = 8 * kHugePage;
  auto* const block = static_cast<unsigned char*>(AllocateLargeBlock(kBytes));
  std::fill(block, block + kBytes, 1);
  DropPages(block + 100, kLargeBlock - 1);  // a small one
  EXPECT_EQ(std::count(block, block + kBytes, 0), 0);
  DropPages(block + 100, 5 * kHugePage);
  const auto outside = [](size_t at) { return at < kHugePage || at >= 5 * kHugePage; };
  for (size_t at = 0; at < kBytes; at += 512) ASSERT_EQ(block[at], outside(at) ? 1 : 0) << at;
  FreeLargeBlock(block, kBytes);
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
  // Where the column is not small any more: at least 16 MiB more, at most 64 MiB or as much again.
  EXPECT_EQ(RoomAhead(100'000, 8), 100'000 + (size_t{16} << 20) / 8);
  EXPECT_EQ(RoomAhead(1'000'000, 8), 5'000'000U);
  EXPECT_EQ(RoomAhead(5'000'000, 8), 5'000'000 + (size_t{64} << 20) / 8);
  EXPECT_EQ(RoomAhead(100'000'000, 8), 200'000'000U);
}

}  // namespace
}  // namespace airlock
