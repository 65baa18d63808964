#include "server/validate/names.h"

#include <gtest/gtest.h>

#include <functional>

#include "server/validate/key_text.h"
#include "tests/unit/server/entry_names.h"
#include "tests/unit/server/valid_plan.h"

namespace airlock::server {
namespace {

std::vector<std::string> NamesOf(const v1::PlanChunk& plan, uint64_t name_bytes = 1 << 20) {
  const auto nodes = NodeTable::Cut(ViewOf(plan.graph()));
  EXPECT_TRUE(nodes.ok());
  const auto entries = EntriesOf(plan, *nodes, {.name_bytes = name_bytes});
  if (!entries.ok()) return {std::string(entries.error().reason_name())};
  return NamesIn(*entries);
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

TEST(Names, SetsSizesAndArgumentsAreNotExpanded) {
  v1::PlanChunk plan;
  PlanMaker make(plan);
  make.Holder(v1::NODE_KIND_LIST, 3, {1, 2, 4});
  make.Holder(v1::NODE_KIND_SET, 1, {3});
  make.Holder(v1::NODE_KIND_RECORD, v1::RECORD_PART_ARGS, {3, 5});
  make.Tensor(0);
  make.Holder(v1::NODE_KIND_SIZE, 0, {});
  make.Holder(v1::NODE_KIND_TUPLE, 1, {3});
  EXPECT_EQ(NamesOf(plan), Names{});
}

// A record whose parts `bits` are there, each a container that holds the tensor.
Names NamesOfRecord(uint32_t bits, std::initializer_list<uint32_t> refs) {
  v1::PlanChunk plan;
  PlanMaker make(plan);
  make.Holder(v1::NODE_KIND_TUPLE, 2, {1, 1});
  make.Holder(v1::NODE_KIND_RECORD, bits, refs);
  make.Plain(v1::NODE_KIND_NONE);                 // 2
  make.Tensor(0);                                 // 3
  make.Holder(v1::NODE_KIND_DICT, 1, {8, 3});     // 4: {"k": t}
  make.Holder(v1::NODE_KIND_LIST, 1, {3});        // 5: [t]
  make.Holder(v1::NODE_KIND_DICT, 1, {9, 3});     // 6: {"s": t}
  make.Holder(v1::NODE_KIND_TUPLE, 2, {2, 6});    // 7: (None, {"s": t})
  make.String("k");                               // 8
  make.String("s");                               // 9
  make.Holder(v1::NODE_KIND_TUPLE, 2, {6, 3});    // 10: a pair of other things
  make.Holder(v1::NODE_KIND_LIST, 3, {7, 4, 6});  // 11: several states
  make.Holder(v1::NODE_KIND_TUPLE, 2, {4, 6});    // 12: ({"k": t}, {"s": t})
  return NamesOf(plan);
}

TEST(Names, RecordsShowWhatTheyHold) {
  using P = v1::RecordPart;
  EXPECT_EQ(NamesOfRecord(P::RECORD_PART_PAIRS, {2, 4}), (Names{"0.k"}));
  EXPECT_EQ(NamesOfRecord(P::RECORD_PART_ITEMS, {2, 5}), (Names{"0.0"}));
  EXPECT_EQ(NamesOfRecord(P::RECORD_PART_STATE, {2, 6}), (Names{"0.s"}));
  EXPECT_EQ(NamesOfRecord(P::RECORD_PART_STATE, {2, 7}), (Names{"0.s"}));
  EXPECT_EQ(NamesOfRecord(P::RECORD_PART_STATE, {2, 12}), (Names{"0.k", "0.s"}));
  EXPECT_EQ(NamesOfRecord(P::RECORD_PART_STATE, {2, 10}), (Names{}));
  EXPECT_EQ(NamesOfRecord(P::RECORD_PART_STATE, {2, 3}), (Names{}));
  EXPECT_EQ(NamesOfRecord(P::RECORD_PART_STATE | P::RECORD_PART_STATES, {2, 11}), (Names{"0.s", "0.k"}));
  EXPECT_EQ(NamesOfRecord(P::RECORD_PART_STATE | P::RECORD_PART_ITEMS | P::RECORD_PART_PAIRS, {2, 6, 5, 4}),
            (Names{"0.k", "0.0", "0.s"}));
  EXPECT_EQ(NamesOfRecord(P::RECORD_PART_ARGS | P::RECORD_PART_STATE | P::RECORD_PART_PAIRS | P::RECORD_PART_RECOVERED,
                          {2, 7, 6, 4, 4}),
            (Names{"0.state_dict().k"}));
}

// Of what many records share, each part is walked once.
TEST(Names, SharedStatesAreWalkedOnce) {
  v1::PlanChunk plan;
  PlanMaker make(plan);
  constexpr uint32_t kRecords = 100'000;
  make.Holder(v1::NODE_KIND_LIST, kRecords, {});
  for (uint32_t i = 0; i < kRecords; ++i) plan.mutable_graph()->add_refs(4 + i);
  make.Holder(v1::NODE_KIND_LIST, kRecords, {});  // 1: states
  for (uint32_t i = 0; i < kRecords; ++i) plan.mutable_graph()->add_refs(2);
  make.Holder(v1::NODE_KIND_DICT, 1, {3, 4 + kRecords});
  make.String("w");
  for (uint32_t i = 0; i < kRecords; ++i) {
    make.Holder(v1::NODE_KIND_RECORD, v1::RECORD_PART_STATE | v1::RECORD_PART_STATES, {3, 1});
  }
  make.Tensor(0);
  EXPECT_EQ(NamesOf(plan), Names{"0.w"});
}

TEST(Names, CompoundsAreTheirTensors) {
  const v1::PlanChunk plan = CompoundPlan();
  const auto nodes = NodeTable::Cut(ViewOf(plan.graph()));
  ASSERT_TRUE(nodes.ok());
  const auto entries = EntriesOf(plan, *nodes, {.name_bytes = 1 << 20, .arrays = true});
  ASSERT_TRUE(entries.ok());
  EXPECT_EQ(NamesIn(*entries),
            (Names{"0#indices", "0#values", "1#crow_indices", "1#col_indices", "1#values", "3#values", "3#sizes",
                   "3#strides", "3#offsets", "4.0", "5", "7.state_dict().w"}));
  EXPECT_EQ(std::vector<uint32_t>(entries->tensor().begin(), entries->tensor().end()),
            (std::vector<uint32_t>{0, 1, 2, 3, 1, 1, 4, 4, 3, 1, 1, 2}));
  EXPECT_EQ(MetaNamesIn(*entries), Names{"2"});
  ASSERT_EQ(entries->meta_at_size(), 1);
  EXPECT_EQ(entries->meta_at(0), 5U);
  EXPECT_EQ(entries->meta_node(0), 3U);
}

TEST(Names, ArraysAreNoTensorsOfTorchs) {
  EXPECT_FALSE(ListsArrays(v1::FORMAT_TORCH_ZIP));
  EXPECT_FALSE(ListsArrays(v1::FORMAT_TORCH_LEGACY));
  EXPECT_FALSE(ListsArrays(v1::FORMAT_TORCH_TAR));
  EXPECT_FALSE(ListsArrays(v1::FORMAT_TORCHSCRIPT));
  EXPECT_TRUE(ListsArrays(v1::FORMAT_PICKLE));
  EXPECT_TRUE(ListsArrays(v1::FORMAT_NPZ));
  v1::PlanChunk plan;
  PlanMaker(plan).Linked(v1::NODE_KIND_ARRAY, {0});
  EXPECT_EQ(NamesOf(plan), Names{});
}

TEST(Names, AStreamIsWhatItHolds) {
  v1::PlanChunk plan;
  PlanMaker make(plan);
  make.Refs(v1::NODE_KIND_STREAM, {4, 1});
  make.Refs(v1::NODE_KIND_STREAM, {4, 2});
  make.Refs(v1::NODE_KIND_ATTRIBUTED, {3, 4});
  make.Tensor(0);
  make.Text(v1::NODE_KIND_BYTES, "");
  EXPECT_EQ(NamesOf(plan), Names{""});
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
  EXPECT_EQ(NamesOf(plan), Names{}) << "without a tensor nobody looks for one";
  make.Tensor(0);
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
  const auto nodes = NodeTable::Cut(ViewOf(plan.graph()));
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
  EXPECT_EQ(KeyOf([](PlanMaker& m) {
              m.Refs(v1::NODE_KIND_SCALAR, {1, 2});
              m.Text(v1::NODE_KIND_NUMPY_DTYPE, "<i8");
              m.Int(12);
            }),
            "12");
  EXPECT_EQ(KeyOf([](PlanMaker& m) { m.Text(v1::NODE_KIND_NUMPY_DTYPE, "<f8"); }), "dtype('<f8')");
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
