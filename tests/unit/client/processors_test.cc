// Work that is shared among threads: each turn once, and an error ends it.
#include "client/cpp/processors.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

namespace airlock {
namespace {

constexpr uint64_t kMuch = uint64_t{1} << 30;

TEST(OnAllProcessors, TakesEachTurnOnce) {
  for (const uint64_t bytes : {uint64_t{0}, kMuch}) {
    std::vector<std::atomic<int>> turns(1000);
    const auto done = OnAllProcessors(turns.size(), bytes, [&](size_t i) -> ClientResult<void> {
      ++turns[i];
      return {};
    });
    EXPECT_TRUE(done.ok());
    for (const auto& times : turns) EXPECT_EQ(times, 1);
  }
}

TEST(OnAllProcessors, HasNothingToDo) {
  const auto done = OnAllProcessors(0, kMuch, [](size_t) -> ClientResult<void> {
    ADD_FAILURE();
    return {};
  });
  EXPECT_TRUE(done.ok());
}

TEST(OnAllProcessors, EndsWithTheFirstError) {
  std::atomic<size_t> turns = 0;
  const auto done = OnAllProcessors(1'000'000, kMuch, [&](size_t i) -> ClientResult<void> {
    ++turns;
    if (i < 10) return {};
    return Unexpected{MakeError(v1::REASON_INPUT_CHANGED, "turn " + std::to_string(i))};
  });
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().reason, v1::REASON_INPUT_CHANGED);
  EXPECT_LT(turns, 1'000'000U);
}

}  // namespace
}  // namespace airlock
