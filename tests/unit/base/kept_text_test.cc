#include "sandbox/base/kept_text.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace airlock {
namespace {

TEST(KeptText, StaysWhereItIsWhateverComesAfterIt) {
  KeptText texts;
  std::vector<std::string_view> kept;
  for (int i = 0; i < 20'000; ++i) kept.push_back(texts.Keep("name " + std::to_string(i)));
  const KeptText moved = std::move(texts);
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(kept[static_cast<size_t>(i)], "name " + std::to_string(i));
}

TEST(KeptText, TakesTextsOfAnyLength) {
  KeptText texts;
  const std::string_view nothing = texts.Keep("");
  const std::string_view first = texts.Keep("a");
  const std::string_view large = texts.Keep(std::string(1 << 20, 'b'));
  const std::string_view last = texts.Keep("c");
  EXPECT_EQ(nothing, "");
  EXPECT_EQ(first, "a");
  EXPECT_EQ(large, std::string(1 << 20, 'b'));
  EXPECT_EQ(last, "c");
}

}  // namespace
}  // namespace airlock
