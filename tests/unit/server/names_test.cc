#include "server/validate/names.h"

#include <gtest/gtest.h>

#include <functional>

#include "server/validate/key_text.h"
#include "tests/unit/server/valid_plan.h"

namespace airlock::server {
namespace {

std::vector<std::string> NamesOf(const v1::PlanChunk& plan, uint64_t name_bytes = 1 << 20) {
  const auto nodes = NodeTable::Cut(plan.graph());
  EXPECT_TRUE(nodes.ok());
  const auto entries = NameTensors(plan, *nodes, name_bytes);
  if (!entries.ok()) return {std::string(entries.error().reason_name())};
  return {entries->name().begin(), entries->name().end()};
}

using Names = std::vector<std::string>;

TEST(Names, ABareTensorHasTheEmptyName) {
  v1::PlanChunk plan;
  PlanMaker(plan).Tensor(0);
  EXPECT_EQ(NamesOf(plan), Names{""});
}

TEST(Names, ContainersAreExpandedOnceWhereTheyAreFirstReached) {
  v1::PlanChunk plan;
  PlanMaker make(plan);
  make.Holder(v1::NODE_KIND_LIST, 4, {1, 1, 2, 3});  // 0
  make.Holder(v1::NODE_KIND_TUPLE, 2, {3, 0});       // 1: tensor, and back to the root
  make.Holder(v1::NODE_KIND_LIST, 1, {1});           // 2
  make.Tensor(0);                                    // 3
  EXPECT_EQ(NamesOf(plan), (Names{"0.0", "3"}));
}

TEST(Names, SetsSizesAndRecordsAreNotExpanded) {
  v1::PlanChunk plan;
  PlanMaker make(plan);
  make.Holder(v1::NODE_KIND_LIST, 3, {1, 2, 4});
  make.Holder(v1::NODE_KIND_SET, 1, {3});
  make.Holder(v1::NODE_KIND_RECORD, v1::RECORD_PART_STATE, {3, 3});
  make.Tensor(0);
  make.Holder(v1::NODE_KIND_SIZE, 0, {});
  EXPECT_EQ(NamesOf(plan), Names{});
}

TEST(Names, AnEmptyPrefixTakesNoDot) {
  v1::PlanChunk plan;
  PlanMaker make(plan);
  make.Holder(v1::NODE_KIND_DICT, 1, {1, 2});
  make.String("");
  make.Holder(v1::NODE_KIND_DICT, 1, {3, 4});
  make.String("a");
  make.Tensor(0);
  EXPECT_EQ(NamesOf(plan), Names{"a"});
}

TEST(Names, AttributesOfAnOrderedDictAreNoEntries) {
  v1::PlanChunk plan;
  PlanMaker make(plan);
  make.Holder(v1::NODE_KIND_ORDERED_DICT, 1, {1, 2, 3});
  make.Holder(v1::NODE_KIND_DICT, 1, {2, 3});
  make.String("k");
  make.Tensor(0);
  EXPECT_EQ(NamesOf(plan), Names{"k"});
}

TEST(Names, AreBounded) {
  v1::PlanChunk plan;
  PlanMaker make(plan);
  make.Holder(v1::NODE_KIND_DICT, 2, {1, 2, 1, 2});
  make.String("0123456789");
  make.Tensor(0);
  EXPECT_EQ(NamesOf(plan, 20).size(), 2U);
  EXPECT_EQ(NamesOf(plan, 19), Names{"LIMIT_EXCEEDED"});
}

// A million levels: no recursion, and no name is built for what leads nowhere.
// One long key in many dicts that hold no tensor: the text that is made counts, not that of entries alone.
TEST(Names, PartsThatLeadToNoTensorAreBoundedToo) {
  v1::PlanChunk plan;
  PlanMaker make(plan);
  constexpr uint32_t kDicts = 1'000;
  make.Holder(v1::NODE_KIND_LIST, kDicts, {});
  for (uint32_t i = 0; i < kDicts; ++i) plan.mutable_graph()->add_refs(2 + 2 * i);
  make.String(std::string(2'000, 'k'));
  for (uint32_t i = 0; i < kDicts; ++i) {
    make.Holder(v1::NODE_KIND_DICT, 1, {1, 3 + 2 * i});
    make.Holder(v1::NODE_KIND_LIST, 0, {});
  }
  EXPECT_EQ(NamesOf(plan), Names{"LIMIT_EXCEEDED"});
  EXPECT_EQ(NamesOf(plan, 4 << 20), Names{});
}

TEST(Names, DepthIsNoDanger) {
  constexpr uint32_t kDepth = 1'000'000;
  v1::PlanChunk plan;
  PlanMaker make(plan);
  for (uint32_t i = 0; i < kDepth; ++i) make.Holder(v1::NODE_KIND_TUPLE, 1, {i + 1});
  make.Tensor(0);
  const Names names = NamesOf(plan, 4 << 20);
  ASSERT_EQ(names.size(), 1U);
  EXPECT_EQ(names[0].size(), 2 * kDepth - 1);
}

std::string KeyOf(const std::function<void(PlanMaker&)>& make_key) {
  v1::PlanChunk plan;
  auto* symbol = plan.add_symbols();
  symbol->set_module("m");
  symbol->set_name("C");
  PlanMaker make(plan);
  make_key(make);
  const auto nodes = NodeTable::Cut(plan.graph());
  EXPECT_TRUE(nodes.ok());
  std::string out;
  AppendKeyText(plan, *nodes, 0, out);
  return out;
}

std::string BigInt(const std::string& bytes) {
  return KeyOf([&](PlanMaker& make) { make.Text(v1::NODE_KIND_BIG_INT, bytes); });
}

TEST(KeyText, IsWhatPythonSays) {
  EXPECT_EQ(KeyOf([](PlanMaker& m) { m.String("a.b"); }), "a.b");
  EXPECT_EQ(KeyOf([](PlanMaker& m) { m.String("\xed\xb2\x80"); }), "\\udc80");
  EXPECT_EQ(KeyOf([](PlanMaker& m) { m.Int(-3); }), "-3");
  EXPECT_EQ(KeyOf([](PlanMaker& m) { m.Plain(v1::NODE_KIND_TRUE); }), "True");
  EXPECT_EQ(KeyOf([](PlanMaker& m) { m.Plain(v1::NODE_KIND_NONE); }), "None");
  EXPECT_EQ(KeyOf([](PlanMaker& m) { m.Text(v1::NODE_KIND_BYTES, "a'\xff\n"); }), "b\"a'\\xff\\n\"");
  EXPECT_EQ(KeyOf([](PlanMaker& m) { m.Text(v1::NODE_KIND_DTYPE, "float32"); }), "torch.float32");
  EXPECT_EQ(KeyOf([](PlanMaker& m) { m.Text(v1::NODE_KIND_DEVICE, "cuda:0"); }), "cuda:0");
}

TEST(KeyText, TuplesAreAsReprHasThem) {
  EXPECT_EQ(KeyOf([](PlanMaker& m) { m.Holder(v1::NODE_KIND_TUPLE, 0, {}); }), "()");
  EXPECT_EQ(KeyOf([](PlanMaker& m) {
              m.Holder(v1::NODE_KIND_TUPLE, 3, {1, 2, 3});
              m.Int(1);
              m.String("it's");
              m.Holder(v1::NODE_KIND_TUPLE, 1, {1});
            }),
            "(1, \"it's\", (1,))");
}

TEST(KeyText, ATupleThatHoldsItselfIsCut) {
  const std::string text = KeyOf([](PlanMaker& m) { m.Holder(v1::NODE_KIND_TUPLE, 2, {0, 0}); });
  EXPECT_LT(text.size(), 10'000U);
  EXPECT_TRUE(text.ends_with("..."));
}

TEST(KeyText, FloatsAreShortest) {
  EXPECT_EQ(FloatText(0.1), "0.1");
  EXPECT_EQ(FloatText(1.0), "1.0");
  EXPECT_EQ(FloatText(-0.0), "-0.0");
  EXPECT_EQ(FloatText(1e16), "1e+16");
  EXPECT_EQ(FloatText(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(FloatText(1e15), "1000000000000000.0");
  EXPECT_EQ(FloatText(0.0001), "0.0001");
  EXPECT_EQ(FloatText(0.00001), "1e-05");
  EXPECT_EQ(FloatText(1e300), "1e+300");
}

TEST(KeyText, BigIntegersAreDecimal) {
  EXPECT_EQ(BigInt(std::string("\x00\x00\x00\x00\x00\x00\x00\x00\x01", 9)), "18446744073709551616");
  EXPECT_EQ(BigInt(std::string("\x00\x00\x00\x00\x00\x00\x00\x80", 8)), "-9223372036854775808");
  EXPECT_EQ(BigInt("\xff"), "-1");
  EXPECT_EQ(BigInt(std::string("\x00", 1)), "0");
  EXPECT_EQ(BigInt(""), "0");
  EXPECT_EQ(BigInt(std::string(1000, 'a')), "<integer of 1000 bytes>");
}

}  // namespace
}  // namespace airlock::server
