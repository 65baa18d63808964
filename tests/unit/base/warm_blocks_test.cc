#include "sandbox/base/warm_blocks.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "sandbox/base/growing_array.h"

namespace airlock {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;

struct Free {
  void operator()(char* block) const { std::free(block); }
};
using Block = std::unique_ptr<char, Free>;

// Of the pages that lie in `memory` as a whole.
size_t PagesMissing(std::span<char> memory) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t first = (reinterpret_cast<uintptr_t>(memory.data()) + page - 1) / page * page;
  const size_t count = (reinterpret_cast<uintptr_t>(memory.data()) + memory.size() - first) / page;
  std::vector<unsigned char> present(count);
  if (mincore(reinterpret_cast<void*>(first), count * page, present.data()) != 0) return count;
  size_t missing = 0;
  for (const unsigned char bits : present) missing += (bits & 1U) == 0 ? 1 : 0;
  return missing;
}

TEST(WarmBlocks, AreTakenWhenTheyAreWarmAndNotBefore) {
  WarmBlocks blocks;
  EXPECT_TRUE(blocks.Take(1).empty());
  EXPECT_TRUE(blocks.WarmNext());
  EXPECT_TRUE(blocks.Take(1).empty()) << "a part of it is not";
  while (blocks.WarmNext()) {
  }
  EXPECT_FALSE(blocks.WarmNext());
  size_t bytes = 0;
  for (std::span<char> taken = blocks.Take(kMebibyte); !taken.empty(); taken = blocks.Take(kMebibyte)) {
    const Block block(taken.data());
    EXPECT_GE(taken.size(), kMebibyte);
    EXPECT_EQ(PagesMissing(taken), 0U);
    bytes += taken.size();
  }
  EXPECT_GT(bytes, 8 * kMebibyte);
  EXPECT_LT(bytes, 12 * kMebibyte) << "a worker may have 16 MiB";
}

TEST(WarmBlocks, AreNotGivenToWhoWantsMore) {
  WarmBlocks blocks;
  while (blocks.WarmNext()) {
  }
  EXPECT_TRUE(blocks.Take(64 * kMebibyte).empty());
  const std::span<char> taken = blocks.Take(kMebibyte);
  EXPECT_FALSE(taken.empty()) << "the wish for more took none";
  const Block block(taken.data());
  while (const Block rest{blocks.Take(1).data()}) {
  }
}

// The blocks of the process: as many arrays as there are, one more, and each beyond its block.
TEST(WarmBlocks, HoldArraysThatBecomeLarge) {
  while (warm_blocks.WarmNext()) {
  }
  std::array<GrowingArray<uint64_t>, 4> arrays;
  constexpr uint64_t kMany = 1 << 20;
  for (uint64_t i = 0; i < kMany; ++i) {
    for (uint64_t array = 0; array < arrays.size(); ++array) arrays[array].push_back(i * arrays.size() + array);
  }
  for (uint64_t i = 0; i < kMany; ++i) {
    for (uint64_t array = 0; array < arrays.size(); ++array) ASSERT_EQ(arrays[array][i], i * arrays.size() + array);
  }
  EXPECT_TRUE(warm_blocks.Take(1).empty()) << "three of them were in blocks";
}

TEST(WarmBlocks, HoldAnArrayThatIsLargeFromTheStart) {
  while (warm_blocks.WarmNext()) {
  }
  GrowingArray<char> array;
  std::fill_n(array.Extend(kMebibyte), kMebibyte, 'a');
  ASSERT_EQ(array.size(), kMebibyte);
  EXPECT_EQ(array[kMebibyte - 1], 'a');
}

TEST(WarmBlocks, TakeWhatIsAppendedFromTheArrayItself) {
  while (warm_blocks.WarmNext()) {
  }
  GrowingArray<char> array;
  for (int i = 0; i < 65536; ++i) array.push_back(static_cast<char>(i % 251));
  array.Append({array.data() + 1, 65535});
  ASSERT_EQ(array.size(), 131071U);
  for (int i = 0; i < 131071; ++i)
    ASSERT_EQ(array[static_cast<size_t>(i)], static_cast<char>((i < 65536 ? i : i - 65535) % 251));
}

}  // namespace
}  // namespace airlock
