#include "client/cli/metadata.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "tests/unit/client/plan_maker.h"

namespace airlock::cli {
namespace {

using airlock::testing::PlanMaker;

std::string Tree(const PlanMaker& maker, const MetadataLimits& limits = {}) {
  const auto contents = maker.Make();
  EXPECT_TRUE(contents.ok());
  if (!contents.ok()) return {};
  JsonWriter json;
  WriteMetadata(json, **contents, limits);
  return json.text();
}

TEST(Metadata, TypesThatJsonLacksAreNamed) {
  PlanMaker maker;
  maker.Items(v1::NODE_KIND_TUPLE, {1, 2, 3, 4, 5, 6, 7});
  maker.Float(std::numeric_limits<double>::quiet_NaN());
  maker.Text(v1::NODE_KIND_BYTES, "\x01\xff");
  maker.Text(v1::NODE_KIND_BIG_INT, std::string("\x00\x00\x00\x00\x00\x00\x00\x00\x80", 9));
  maker.Dict({8, 8});
  maker.Text(v1::NODE_KIND_DTYPE, "float32");
  maker.Items(v1::NODE_KIND_SET, {});
  maker.String("x");
  maker.Int(-3);
  EXPECT_EQ(Tree(maker), R"({"$tuple":[{"$float":"nan"},{"$bytes":2,"hex":"01ff"},{"$int":"-0x800000000000000000"},)"
                         R"({"$dict":[[-3,-3]]},{"$dtype":"float32"},{"$set":[]},"x"]})");
}

TEST(Metadata, OrderedDictsTensorsAndRecords) {
  PlanMaker maker;
  maker.OrderedDict(4, {1, 2, 3, 6});
  maker.String("w");
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.String("r");
  maker.Dict({5, 5});
  maker.String("v");
  maker.RecordOf(v1::RECORD_PART_STATE | v1::RECORD_PART_NEW, {7, 8});
  maker.Link(v1::NODE_KIND_SYMBOL, 0);
  maker.Leaf(v1::NODE_KIND_NONE);
  maker.Tensor(maker.Storage(4), v1::DTYPE_FLOAT32, {1}, {1});
  v1::Symbol& symbol = *maker.plan.add_symbols();
  symbol.set_module("m");
  symbol.set_name("C");
  EXPECT_EQ(
      Tree(maker),
      R"({"$ordered_dict":{"r":{"$record":"m.C","new":true,"state":null},"$tensors":1},"$attributes":{"v":"v"}})");
}

TEST(Metadata, CyclesAndSharedContainersAreReferences) {
  PlanMaker maker;
  maker.Dict({1, 2, 3, 2, 4, 0});
  maker.String("a");
  maker.Items(v1::NODE_KIND_LIST, {2, 5});
  maker.String("b");
  maker.String("self");
  maker.Int(1);
  EXPECT_EQ(Tree(maker), R"({"a":[{"$ref":"a"},1],"b":{"$ref":"a"},"self":{"$ref":""}})");
}

TEST(Metadata, DepthAndSizeAreBounded) {
  constexpr uint32_t kDepth = 100'000;
  PlanMaker deep;
  for (uint32_t i = 0; i < kDepth; ++i) deep.Items(v1::NODE_KIND_LIST, {i + 1});
  deep.Leaf(v1::NODE_KIND_NONE);
  EXPECT_EQ(Tree(deep, {.depth = 3}), R"([[[{"$truncated":"depth"}]]])");
  const std::string whole = Tree(deep, {.depth = kDepth + 1, .nodes = kDepth + 1});
  EXPECT_EQ(whole.size(), 2 * kDepth + 4);

  PlanMaker wide;
  wide.Items(v1::NODE_KIND_LIST, std::vector<uint32_t>(1'000, 1));
  wide.Int(7);
  EXPECT_EQ(Tree(wide, {.nodes = 3}), R"([7,7,{"$truncated":"size"}])");

  PlanMaker pairs;
  pairs.Dict({1, 1, 2, 2, 3, 3});
  for (int i = 0; i < 3; ++i) pairs.Int(i);
  for (uint64_t nodes = 0; nodes < 9; ++nodes) {
    EXPECT_TRUE(nlohmann::json::accept(Tree(pairs, {.nodes = nodes}))) << nodes;
  }
}

TEST(Metadata, LongTextIsCut) {
  PlanMaker maker;
  maker.String("\xc3\xa4\xc3\xa4\xc3\xa4");
  EXPECT_EQ(Tree(maker, {.string_bytes = 3}), "\"\xc3\xa4\xe2\x80\xa6\"");
}

}  // namespace
}  // namespace airlock::cli
