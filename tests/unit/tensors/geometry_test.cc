#include "sandbox/tensors/geometry.h"

#include <gtest/gtest.h>

#include <vector>

namespace airlock::tensors {
namespace {

using Dims = std::vector<uint64_t>;
constexpr uint64_t kHuge = uint64_t{1} << 62;

struct Row {
  const char* name;
  uint64_t offset;
  Dims shape;
  Dims stride;
  uint64_t elements;
  bool fits;
};

class GeometryRow : public testing::TestWithParam<Row> {};

TEST_P(GeometryRow, IsJudgedRightly) {
  const Row& row = GetParam();
  const Result<void> result = CheckGeometry(row.offset, row.shape, row.stride, row.elements, 64, 0);
  EXPECT_EQ(result.ok(), row.fits);
  if (!result.ok()) {
    EXPECT_EQ(result.error().reason, Reason::kTensorOutOfBounds);
  }
}

const Row kRows[] = {
    {"Exact", 0, {2, 3}, {3, 1}, 6, true},
    {"OneTooFew", 0, {2, 3}, {3, 1}, 5, false},
    {"OffsetFits", 2, {2}, {1}, 4, true},
    {"OffsetTooFar", 3, {2}, {1}, 4, false},
    {"ScalarAtTheEnd", 3, {}, {}, 4, true},
    {"ScalarPastTheEnd", 4, {}, {}, 4, false},
    {"ScalarOfNothing", 0, {}, {}, 0, false},
    {"EmptyNeedsNothing", 0, {0}, {1}, 0, true},
    {"EmptyViewPastTheEnd", 9, {0, 3}, {3, 1}, 4, true},
    {"EmptyWithHugeStride", 0, {0, 2}, {kHuge, uint64_t{1} << 61}, 0, true},
    {"EmptyWithStridesThatWrap", 0, {0, uint64_t{1} << 40}, {1, uint64_t{1} << 40}, 0, false},
    {"EmptyBehindEverything", INT64_MAX, {0}, {1}, 0, false},
    {"EmptyButUncountable", 0, {0, kHuge, kHuge}, {1, 1, 1}, 0, false},
    {"ExpandedByStrideZero", 0, {1000000, 3}, {0, 1}, 3, true},
    {"ExpandedBeyondCounting", 0, {kHuge, 4}, {0, 0}, 1, false},
    {"Transposed", 0, {3, 2}, {1, 3}, 6, true},
    {"OverlappingWindows", 0, {3, 2}, {1, 1}, 4, true},
    {"StrideTooLong", 0, {2}, {6}, 6, false},
    {"StrideOfASingleElement", 0, {1}, {kHuge}, 1, true},
    {"ProductWraps", 0, {5}, {kHuge}, 4, false},
    {"SumWraps", 1, {2, 2, 2, 2, 2}, {kHuge, kHuge, kHuge, kHuge - 1, 0}, 4, false},
    {"OffsetWraps", UINT64_MAX, {1}, {1}, 4, false},
    {"SizeWraps", 0, {UINT64_MAX}, {0}, 4, false},
    {"StrideWraps", 0, {2}, {UINT64_MAX}, 4, false},
};

INSTANTIATE_TEST_SUITE_P(All, GeometryRow, testing::ValuesIn(kRows), [](const auto& row) { return row.param.name; });

TEST(Geometry, DimsLimit) {
  const Dims ones(65, 1);
  const Result<void> result = CheckGeometry(0, ones, ones, 1, 64, 0);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().reason, Reason::kLimitExceeded);
  EXPECT_STREQ(result.error().limit->name, "dims");
}

TEST(Geometry, Counts) {
  EXPECT_EQ(ElementCount(Dims{}), 1U);
  EXPECT_EQ(ElementCount(Dims{2, 3, 4}), 24U);
  EXPECT_EQ(ElementCount(Dims{5, 0}), 0U);
  EXPECT_EQ(ElementCount(Dims{uint64_t{1} << 63}), std::nullopt);
  EXPECT_EQ(ReachOf(1, Dims{2, 3}, Dims{10, 2}), 16U);
}

TEST(Geometry, PackedElementsGoOnOverRowEnds) {
  EXPECT_EQ(PackedBytes(Dims{}, 2), 1U);
  EXPECT_EQ(PackedBytes(Dims{2, 6}, 4), 3U);
  EXPECT_EQ(PackedBytes(Dims{3, 3}, 2), 5U);
  EXPECT_EQ(PackedBytes(Dims{0, 3}, 2), 0U);
  EXPECT_EQ(PackedBytes(Dims{kHuge, 4, 4}, 2), std::nullopt);
}

TEST(Geometry, RowMajor) {
  EXPECT_TRUE(IsRowMajor(Dims{2, 3}, Dims{3, 1}));
  EXPECT_TRUE(IsRowMajor(Dims{2, 1, 3}, Dims{3, 77, 1}));
  EXPECT_TRUE(IsRowMajor(Dims{0, 3}, Dims{9, 9}));
  EXPECT_FALSE(IsRowMajor(Dims{2, 3}, Dims{1, 2}));
  EXPECT_FALSE(IsRowMajor(Dims{2}, Dims{2}));
}

}  // namespace
}  // namespace airlock::tensors
