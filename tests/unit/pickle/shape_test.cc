// Graphs that trees cannot hold: deep, shared, cyclic, and cheap to write but large to expand.
#include <gtest/gtest.h>

#include "tests/unit/pickle/machine_fixture.h"

namespace airlock::pickle {
namespace {

TEST(Shape, AMillionNestedTuples) {
  Limits limits;
  limits.nodes = 1'000'010;
  const Load load = LoadBytes("N" + std::string(1'000'000, '\x85') + ".", limits);
  ASSERT_FALSE(load.error) << load.failure;
  const Graph& graph = load.context.graph;
  NodeId node = load.root;
  size_t depth = 0;
  for (; graph.is(node, Kind::kTuple); ++depth) node = graph.children(node)[0];
  EXPECT_EQ(depth, 1'000'000U);
}

TEST(Shape, ManyNestedLists) {
  const size_t levels = 100'000;
  const Load load = LoadBytes(std::string(levels, ']') + std::string(levels - 1, 'a') + ".");
  ASSERT_FALSE(load.error) << load.failure;
  const Graph& graph = load.context.graph;
  size_t depth = 1;
  for (NodeId node = load.root; !graph.children(node).empty(); ++depth) node = graph.children(node)[0];
  EXPECT_EQ(depth, levels);
}

TEST(Shape, AListMayHoldItself) {
  const Load load = LoadBytes(
      "]q\x00h\x00"
      "a."sv);
  ASSERT_FALSE(load.error) << load.failure;
  EXPECT_EQ(load.context.graph.children(load.root)[0], load.root);
}

TEST(Shape, ARecordMayHoldItself) {
  const Load load = LoadBytes("cm\nC\n)\x81q\x00}K\x01h\x00sb."sv);
  ASSERT_FALSE(load.error) << load.failure;
  const Graph& graph = load.context.graph;
  EXPECT_EQ(graph.children(graph.record(load.root).state)[1], load.root);
}

TEST(Shape, WhatBecomesARecordIsThatEverywhere) {
  const Load load = LoadBytes(")Qq\x00h\x00}b\x86."sv);
  ASSERT_FALSE(load.error) << load.failure;
  EXPECT_EQ(load.shown, "(<storage3 state={}>, <storage3 state={}>)");
  EXPECT_EQ(load.context.graph.children(load.root)[0], load.context.graph.children(load.root)[1]);
}

TEST(Shape, AMemoBombCostsWhatItsBytesCost) {
  std::string bytes = "]";
  for (int i = 0; i < 60; ++i) bytes += "q\x00"s + "h\x00"s + "\x86"s;
  const Load load = LoadBytes("N" + bytes.substr(1) + ".");
  ASSERT_FALSE(load.error) << load.failure;
  EXPECT_LT(load.context.graph.size(), 100U);
}

TEST(Shape, ASparseMemoNumberCostsOneEntry) {
  const Load load = LoadBytes("Np9223372036854775807\n0g9223372036854775807\n."sv);
  EXPECT_EQ(load.shown, "None");
}

TEST(Shape, AMemoNumberKeepsItsEntryWhenTheMemoGrowsPastIt) {
  std::string bytes = "K\x07r\x00\x10\x00\x00"s;  // 4096, far ahead of the others
  for (int i = 0; i < 2000; ++i) bytes += "N\x94"s + "0";
  bytes += "K\x08r\x00\x10\x00\x00"s + "0j\x00\x10\x00\x00."s;
  const Load load = LoadBytes(bytes);
  EXPECT_EQ(load.shown, "8");
}

// What torch writes for a tensor, many times.
TEST(Shape, ManyTensorsCostAFewNodesEach) {
  std::string bytes = "\x80\x02}q\x00("s;
  for (int i = 0; i < 100'000; ++i) {
    bytes +=
        "X\x08\0\0\0weight_1q\x01"
        "ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\0\0\0storageq\x03h\x02X\x01\0\0\0"
        "0q\x04X\x03\0\0\0cpuq\x05K\x04tq\x06QK\x00K\x02K\x02\x86q\x07K\x02K\x01\x86q\x08\x89"
        "ccollections\nOrderedDict\nq\x09)Rq\x0atq\x0bRq\x0c"s;
  }
  bytes += "u.";
  Context context;
  TestConstructor constructor(context);
  MemorySource source({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  const auto root = Decode(context, constructor, source, 0);
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(context.graph.children(*root).size(), 200'000U);
  EXPECT_EQ(context.opcodes, 100'000U * 36 + 6);
  EXPECT_LE(context.graph.size(), 100'000U * 20);
}

}  // namespace
}  // namespace airlock::pickle
