#include "server/pool/shares.h"

#include <gtest/gtest.h>

#include "tests/unit/server/valid_plan.h"

namespace airlock::server {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// One behind the other, of so many MiB each.
Spans Row(const std::vector<uint64_t>& sizes) {
  Spans spans;
  uint64_t at = 0;
  for (const uint64_t size : sizes) {
    spans.emplace_back(at, at + size * kMiB);
    at = spans.back().second;
  }
  return spans;
}

std::vector<size_t> SizesOf(const std::vector<Spans>& shares) {
  std::vector<size_t> sizes;
  for (const Spans& share : shares) sizes.push_back(share.size());
  return sizes;
}

TEST(OutputSpans, AreThoseOfTheOutputByOffset) {
  v1::PlanChunk plan;
  AddStorage(plan, v1::PLACE_OUTPUT, 400, 10);
  AddStorage(plan, v1::PLACE_OUTPUT, 0, 10);
  AddStorage(plan, v1::PLACE_OUTPUT, 60, 0);
  AddStorage(plan, v1::PLACE_INPUT, 80, 10);
  AddStorage(plan, v1::PLACE_LEFT_OUT, 0, 10);
  EXPECT_EQ(OutputSpans(plan.storages()), (Spans{{0, 10}, {400, 410}}));
}

TEST(Joined, AreAtMostSoManyAndTheWidestGapsStay) {
  const Spans spans = {{0, 10}, {20, 30}, {100, 110}, {400, 410}};
  EXPECT_EQ(Joined(spans, 4), spans);
  EXPECT_EQ(Joined(spans, 3), (Spans{{0, 30}, {100, 110}, {400, 410}}));
  EXPECT_EQ(Joined(spans, 2), (Spans{{0, 110}, {400, 410}}));
  EXPECT_EQ(Joined(spans, 1), (Spans{{0, 410}}));
}

TEST(CutShares, AreOfAboutAsManyBytes) {
  EXPECT_EQ(SizesOf(CutShares(Row({16, 16, 16, 16}), 2)), (std::vector<size_t>{2, 2}));
  EXPECT_EQ(SizesOf(CutShares(Row({16, 16, 16, 16}), 4)), (std::vector<size_t>{1, 1, 1, 1}));
  EXPECT_EQ(SizesOf(CutShares(Row({100, 1, 1, 1, 1}), 2)), (std::vector<size_t>{1, 4}));
  EXPECT_EQ(SizesOf(CutShares(Row({1, 1, 1, 1, 100}), 2)), (std::vector<size_t>{4, 1}));
  EXPECT_EQ(SizesOf(CutShares(Row(std::vector<uint64_t>(90, 1)), 3)), (std::vector<size_t>{30, 30, 30}));
}

TEST(CutShares, HaveTheirSpansInOrderAndEachOnce) {
  const Spans spans = Row({7, 31, 2, 60, 1, 1, 44, 9, 12, 30, 5});
  for (size_t most = 1; most < 8; ++most) {
    Spans together;
    for (const Spans& share : CutShares(spans, most)) {
      EXPECT_FALSE(share.empty());
      together.insert(together.end(), share.begin(), share.end());
    }
    EXPECT_EQ(together, spans) << most;
  }
}

TEST(CutShares, AreFewerWhereThereIsLittle) {
  EXPECT_EQ(CutShares(Row({1, 1, 1}), 4).size(), 1U);
  EXPECT_EQ(CutShares(Row({20, 20}), 4).size(), 2U) << "one for each span at most";
  EXPECT_EQ(CutShares(Row({5, 5, 5, 5, 5, 5, 5}), 4).size(), 2U) << "35 MiB are two shares of 16";
  EXPECT_TRUE(CutShares({}, 4).empty());
}

TEST(WithoutGaps, EverythingIsSomebodys) {
  EXPECT_EQ(WithoutGaps({{{64, 100}, {128, 200}}, {{320, 400}}}),
            (std::vector<Spans>{{{0, 320}}, {{320, UINT64_MAX}}}));
  EXPECT_EQ(WithoutGaps({{{64, 100}}}), (std::vector<Spans>{{{0, UINT64_MAX}}}));
}

}  // namespace
}  // namespace airlock::server
