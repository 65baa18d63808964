#include "sandbox/base/large_block.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <thread>
#include <vector>

namespace airlock {
namespace {

// Whether the process still has it.
bool IsMapped(void* block) {
  unsigned char page = 0;
  return ::mincore(block, 1, &page) == 0;
}

TEST(LargeBlock, BeginsWhereAHugePageDoes) {
  for (const size_t bytes : {size_t{1}, kHugePage, kLargeBlock, 3 * kHugePage + 1}) {
    auto* const block = static_cast<unsigned char*>(AllocateLargeBlock(bytes));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % kHugePage, 0U);
    block[0] = block[bytes - 1] = 1;
    FreeLargeBlock(block, bytes);
  }
  EXPECT_THROW(AllocateLargeBlock(SIZE_MAX), std::bad_alloc);
}

TEST(LargeBlock, WhatIsGivenBackIsGivenOutAgain) {
  void* const first = AllocateLargeBlock(5 * kHugePage);
  FreeLargeBlock(first, 5 * kHugePage);
  void* const second = AllocateLargeBlock(6 * kHugePage);
  EXPECT_EQ(second, first) << "lengths that are near are one";
  void* const third = AllocateLargeBlock(6 * kHugePage);
  EXPECT_NE(third, second);
  FreeLargeBlock(second, 6 * kHugePage);
  FreeLargeBlock(third, 6 * kHugePage);
}

TEST(LargeBlock, EachOfARowGetsItsOwnAgain) {
  constexpr size_t kBytes = 9 * kHugePage;
  std::vector<void*> first(4), second(4);
  const auto take_all = [](std::vector<void*>& blocks) {
    for (void*& block : blocks) block = AllocateLargeBlock(kBytes);
  };
  take_all(first);
  for (void* const block : first) FreeLargeBlock(block, kBytes);
  take_all(first);
  // In whatever order they come back.
  for (const size_t i : {2, 0, 3, 1}) FreeLargeBlock(first[i], kBytes);
  take_all(second);
  EXPECT_EQ(first, second);
  for (void* const block : second) FreeLargeBlock(block, kBytes);
}

// The address space of this process.
size_t AddressSpace() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * 4096;
}

TEST(LargeBlock, WhatIsKeptTakesNoAddressSpaceThatIsNeeded) {
  constexpr size_t kKept = size_t{1} << 30;
  FreeLargeBlock(AllocateLargeBlock(kKept), kKept);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  const rlimit little{AddressSpace() + kKept / 4, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &little), 0);
  void* block = nullptr;
  EXPECT_NO_THROW(block = AllocateLargeBlock(kKept / 2));
  EXPECT_THROW(AllocateLargeBlock(size_t{1} << 40), std::bad_alloc);
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  if (block != nullptr) FreeLargeBlock(block, kKept / 2);
}

TEST(LargeBlock, LittleIsKept) {
  constexpr size_t kBytes = kMostKept / 2;
  std::array<void*, 3> blocks{};
  for (void*& block : blocks) {
    block = AllocateLargeBlock(kBytes);
    std::fill_n(static_cast<char*>(block), kBytes, 'x');
  }
  for (void* const block : blocks) FreeLargeBlock(block, kBytes);
  EXPECT_FALSE(IsMapped(blocks[0])) << "the oldest";
  EXPECT_TRUE(IsMapped(blocks[1]));
  EXPECT_TRUE(IsMapped(blocks[2]));
  void* const large = AllocateLargeBlock(kMostKept + kHugePage);
  std::fill_n(static_cast<char*>(large), kMostKept + kHugePage, 'x');
  FreeLargeBlock(large, kMostKept + kHugePage);
  EXPECT_FALSE(IsMapped(large)) << "alone more than all may be";
  EXPECT_TRUE(IsMapped(blocks[2])) << "nothing went for it";
  // Address space alone is not counted, but the number of blocks is.
  std::vector<void*> empty(100);
  for (void*& block : empty) block = AllocateLargeBlock(4 * kMostKept);
  for (void* const block : empty) FreeLargeBlock(block, 4 * kMostKept);
  EXPECT_FALSE(IsMapped(empty.front()));
  EXPECT_TRUE(IsMapped(empty.back()));
}

TEST(LargeBlock, ThreadsShareThem) {
  const auto work = [] {
    for (int round = 0; round < 2000; ++round) {
      auto* const block = static_cast<volatile int*>(AllocateLargeBlock(kLargeBlock));
      block[0] = round;
      if (block[0] != round) std::abort();
      FreeLargeBlock(const_cast<int*>(block), kLargeBlock);
    }
  };
  std::thread other(work);
  work();
  other.join();
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
