#include "sandbox/base/glob.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace airlock {
namespace {

TEST(Glob, MatchesAsDocumented) {
  struct Row {
    const char* pattern;
    const char* text;
    bool matches;
  };
  const Row rows[] = {
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"*", "a.b.c", true},
      {"a", "a", true},
      {"a", "ab", false},
      {"a*", "a.b", true},
      {"*b", "a.b", true},
      {"*b", "ba", false},
      {"a*c", "abbc", true},
      {"a*c", "abb", false},
      {"a**c", "ac", true},
      {"?", "a", true},
      {"?", "", false},
      {"?", "ab", false},
      {"?", "\xc3\xa9", true},
      {"??", "\xc3\xa9", false},
      {"*?", "\xc3\xa9", true},
      {"a?c", "abc", true},
      {"\\*", "*", true},
      {"\\*", "a", false},
      {"\\?", "?", true},
      {"\\\\", "\\", true},
      {"a\\", "a\\", true},
      {"[ab]", "a", false},
      {"[ab]", "[ab]", true},
      {"*.w*t", "l.1.weight", true},
      {"*a*b*c", "xaybzc", true},
      {"*a*b*c", "xaybz", false},
  };
  for (const Row& row : rows)
    EXPECT_EQ(MatchesGlob(row.pattern, row.text), row.matches) << row.pattern << " " << row.text;
}

TEST(Glob, TheWorstPatternIsNotExponential) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(MatchesGlob(pattern + "b", std::string(10'000, 'a')));
}

TEST(Glob, PartsAreChosenByTheirTensor) {
  const std::vector<std::string> globs = {"emb", "x#values"};
  EXPECT_TRUE(IsSelected(globs, "emb"));
  EXPECT_TRUE(IsSelected(globs, "emb#indices"));
  EXPECT_TRUE(IsSelected(globs, "x#values"));
  EXPECT_FALSE(IsSelected(globs, "x#indices"));
  EXPECT_FALSE(IsSelected(globs, "emb.weight"));
  EXPECT_FALSE(IsSelected(std::vector<std::string>(), "emb"));
}

}  // namespace
}  // namespace airlock
