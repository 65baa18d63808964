#include "sandbox/walls/layers.h"

#include <gtest/gtest.h>

#include <set>

namespace airlock::walls {
namespace {

TEST(LayersTest, EveryBitHasItsRowInOrder) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < Layers().size(); ++i) {
    EXPECT_EQ(Layers()[i].bit, uint64_t{1} << i);
    EXPECT_TRUE(names.insert(Layers()[i].name).second);
    EXPECT_FALSE(Layers()[i].stops.empty());
    EXPECT_FALSE(Layers()[i].remedy.empty());
  }
  EXPECT_EQ(Layers().size(), 19U);
}

TEST(PostureTest, EachIsAmountedToByWhatItRequires) {
  for (const Posture posture : kPostures) {
    EXPECT_EQ(PostureOf(RequiredLayers(posture)), posture);
  }
  EXPECT_EQ(PostureOf(~uint64_t{0}), Posture::kFull);
  EXPECT_EQ(PostureOf(0), Posture::kNone);
}

TEST(PostureTest, OneMissingLayerIsALowerPosture) {
  for (const Posture posture : kPostures) {
    const uint64_t required = RequiredLayers(posture);
    for (const LayerRow& row : Layers()) {
      if ((required & row.bit) != 0) {
        EXPECT_LT(PostureOf(required & ~row.bit), posture) << row.name;
      }
    }
  }
}

TEST(PostureTest, NoneWithoutTheFilter) { EXPECT_EQ(PostureOf(~uint64_t{kSeccomp}), Posture::kNone); }

TEST(PostureTest, Names) {
  EXPECT_EQ(PostureName(Posture::kFull), "full");
  EXPECT_EQ(PostureName(Posture::kNested), "nested");
  EXPECT_EQ(PostureName(Posture::kFilterOnly), "filter-only");
  EXPECT_EQ(PostureName(Posture::kNone), "none");
}

}  // namespace
}  // namespace airlock::walls
