#include "sandbox/pickle/recent_names.h"

#include <gtest/gtest.h>

#include "tests/unit/pickle/machine_fixture.h"

namespace airlock::pickle {
namespace {

TEST(RecentNames, FindsWhatTheStreamGoesOnWith) {
  RecentNames names;
  EXPECT_EQ(names.Find("a\nb\n"), nullptr);
  names.Keep("a", "b", 1, 10);
  names.Keep("a", "bc", 2, 20);
  for (int round = 0; round < 3; ++round) {
    ASSERT_NE(names.Find("a\nb\nX"), nullptr);
    EXPECT_EQ(names.Find("a\nb\nX")->node, 10U);
    ASSERT_NE(names.Find("a\nbc\n"), nullptr);
    EXPECT_EQ(names.Find("a\nbc\n")->symbol, 2U);
  }
}

TEST(RecentNames, FindsNoNameThatGoesOnOrBreaksOff) {
  RecentNames names;
  names.Keep("a", "b", 1, 10);
  for (const std::string_view stream : {"", "a", "a\nb", "a\nbc\n", "ab\nb\n", "a\n\nb\n"}) {
    EXPECT_EQ(names.Find(stream), nullptr) << stream;
  }
}

TEST(RecentNames, ForgetsTheOldest) {
  RecentNames names;
  for (uint32_t i = 0; i < 9; ++i) names.Keep("m", "n" + std::to_string(i), i, i);
  EXPECT_EQ(names.Find("m\nn0\n"), nullptr);
  for (uint32_t i = 1; i < 9; ++i) {
    const RecentNames::Name* const found = names.Find("m\nn" + std::to_string(i) + "\n");
    ASSERT_NE(found, nullptr) << i;
    EXPECT_EQ(found->symbol, i);
  }
}

TEST(RecentNames, KeepsEachOnce) {
  RecentNames names;
  names.Keep("m", "first", 1, 10);
  for (int i = 0; i < 20; ++i) names.Keep("m", "again", 2, 20);
  EXPECT_NE(names.Find("m\nfirst\n"), nullptr);
}

TEST(RecentNames, AreOneObjectAndEachUseCounts) {
  const std::string_view bytes = "ca\nb\nca\nc\nca\nb\nca\nb\n\x87\x86."sv;
  Load load = LoadBytes(bytes);
  ASSERT_EQ(load.failure, "");
  EXPECT_EQ(load.FindSymbol("a.b")->uses, 3U);
  EXPECT_EQ(load.FindSymbol("a.c")->uses, 1U);
  const Graph& graph = load.context.graph;
  const NodeId last = graph.children(load.root)[1];
  EXPECT_EQ(graph.children(last)[1], graph.children(last)[2]);
  EXPECT_EQ(graph.children(load.root)[0], graph.children(last)[1]);
  // And where no name is ever whole in the window.
  DrippingSource source(bytes);
  EXPECT_EQ(LoadFrom(source).shown, load.shown);
}

}  // namespace
}  // namespace airlock::pickle
