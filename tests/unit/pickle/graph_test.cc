#include "sandbox/pickle/graph.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

namespace airlock::pickle {
namespace {

TEST(Graph, ConstantsAreTheFirstNodes) {
  const Graph graph;
  EXPECT_EQ(graph.kind(graph.None()), Kind::kNone);
  EXPECT_EQ(graph.kind(graph.Bool(false)), Kind::kFalse);
  EXPECT_EQ(graph.kind(graph.Bool(true)), Kind::kTrue);
}

TEST(Graph, SmallIntegersAreOneNodeEach) {
  Graph graph;
  EXPECT_EQ(graph.Int(0), graph.Int(0));
  EXPECT_EQ(graph.Int(255), graph.Int(255));
  EXPECT_NE(graph.Int(0), graph.Int(1));
  for (const int64_t value : {int64_t{256}, int64_t{-1}, INT64_MIN, INT64_MAX}) {
    const NodeId first = graph.Int(value);
    EXPECT_NE(first, graph.Int(value));
    EXPECT_EQ(graph.integer(first), value);
  }
  for (int64_t value = 0; value < 300; ++value) {
    EXPECT_EQ(graph.kind(graph.Int(value)), Kind::kInt);
    EXPECT_EQ(graph.integer(graph.Int(value)), value);
  }
}

TEST(Graph, ContainersTakeTheChildrenOfOthers) {
  Graph graph;
  const NodeId items[] = {0, 1, 2};
  NodeId tuple = graph.Container(Kind::kTuple, items);
  for (int i = 0; i < 1000; ++i) tuple = graph.Container(Kind::kTuple, graph.children(tuple));  // the pool moves
  ASSERT_EQ(graph.children(tuple).size(), 3U);
  for (NodeId i = 0; i < 3; ++i) EXPECT_EQ(graph.children(tuple)[i], i);
}

TEST(Graph, ListsThatGrowInTurnKeepTheirItems) {
  Graph graph;
  const NodeId first = graph.Container(Kind::kList, {});
  const NodeId second = graph.Container(Kind::kList, {});
  for (NodeId i = 0; i < 1000; ++i) {
    const NodeId pair[] = {i, i + 1};
    graph.Append(first, {pair, 1});
    graph.Append(second, pair);
  }
  ASSERT_EQ(graph.children(first).size(), 1000U);
  ASSERT_EQ(graph.children(second).size(), 2000U);
  for (NodeId i = 0; i < 1000; ++i) {
    ASSERT_EQ(graph.children(first)[i], i);
    ASSERT_EQ(graph.children(second)[2 * i + 1], i + 1);
  }
}

TEST(Graph, AppendTakesItsOwnChildren) {
  Graph graph;
  const NodeId items[] = {0, 1, 2};
  const NodeId list = graph.Container(Kind::kList, items);
  graph.Container(Kind::kTuple, items);  // the list no longer ends the pool
  for (int i = 0; i < 4; ++i) graph.Append(list, graph.children(list));
  ASSERT_EQ(graph.children(list).size(), 48U);
  for (size_t i = 0; i < 48; ++i) EXPECT_EQ(graph.children(list)[i], i % 3);
}

TEST(Graph, TextTakesItsOwnBytes) {
  Graph graph;
  NodeId text = graph.Text(Kind::kString, "abc");
  for (int i = 0; i < 10; ++i) text = graph.Text(Kind::kBytes, graph.text(text));
  EXPECT_EQ(graph.text(text), "abc");
  EXPECT_EQ(graph.string_bytes(), 33U);
}

TEST(Graph, AnyNodeTurnsIntoARecord) {
  Graph graph;
  const NodeId tensor = graph.Tensor(5);
  const NodeId inner = graph.Tensor(5);
  graph.SetRecord(tensor, {.callee = inner, .state = graph.None(), .made_by_new = true});
  EXPECT_EQ(graph.kind(tensor), Kind::kRecord);
  graph.SetRecord(tensor, {.callee = inner, .args = graph.Bool(true), .many_states = true});
  const RecordParts parts = graph.record(tensor);
  EXPECT_EQ(parts.callee, inner);
  EXPECT_EQ(parts.args, graph.Bool(true));
  EXPECT_EQ(parts.state, kNoNode);
  EXPECT_FALSE(parts.made_by_new);
  EXPECT_TRUE(parts.many_states);
}

TEST(Graph, KnowsWhatCanBeAKey) {
  Graph graph;
  const NodeId list = graph.Container(Kind::kList, {});
  const NodeId number = graph.Int(1);
  const NodeId good = graph.Container(Kind::kTuple, {&number, 1});
  const NodeId bad = graph.Container(Kind::kTuple, {&list, 1});
  const NodeId worse = graph.Container(Kind::kTuple, {&bad, 1});
  EXPECT_TRUE(graph.hashable(good));
  EXPECT_FALSE(graph.hashable(list));
  EXPECT_FALSE(graph.hashable(bad));
  EXPECT_FALSE(graph.hashable(worse));
  EXPECT_TRUE(graph.hashable(graph.Container(Kind::kFrozenSet, {&number, 1})));
  EXPECT_FALSE(graph.hashable(graph.Text(Kind::kByteArray, "")));
  EXPECT_FALSE(graph.hashable(graph.Array(0)));
  EXPECT_FALSE(graph.hashable(graph.BytesAt(Kind::kByteArray, 0, 1)));
  EXPECT_TRUE(graph.hashable(graph.BytesAt(Kind::kBytes, 0, 1)));
}

TEST(Graph, CompoundsKeepTheirPartsAndTheirCount) {
  Graph graph;
  const NodeId parts[] = {graph.Tensor(1), graph.None(), graph.Tensor(2), graph.Container(Kind::kSize, {})};
  const NodeId sparse = graph.Compound(Kind::kSparseTensor, 17, parts);
  const NodeId array = graph.Array(9);
  EXPECT_EQ(graph.kind(sparse), Kind::kSparseTensor);
  EXPECT_EQ(graph.count(sparse), 17U);
  ASSERT_EQ(graph.children(sparse).size(), 4U);
  EXPECT_EQ(graph.children(sparse)[2], parts[2]);
  EXPECT_EQ(graph.tensor(array), 9U);
  EXPECT_EQ(KindName(graph.kind(array)), "numpy.ndarray");
}

TEST(Graph, AnOrderedDictKeepsItsAttributesAsItGrows) {
  Graph graph;
  const NodeId first = graph.Container(Kind::kOrderedDict, {});
  const NodeId second = graph.Container(Kind::kOrderedDict, {});
  EXPECT_EQ(graph.attributes(first), graph.None());
  graph.SetAttributes(first, graph.Bool(true));
  for (NodeId i = 0; i < 100; ++i) {
    const NodeId pair[] = {i, i + 1};
    graph.Append(first, pair);
    graph.Append(second, pair);
  }
  const NodeId moved = graph.MoveOut(first);
  graph.SetRecord(first, {.callee = moved});
  EXPECT_EQ(graph.attributes(moved), graph.Bool(true));
  EXPECT_EQ(graph.attributes(second), graph.None());
  ASSERT_EQ(graph.children(moved).size(), 200U);
  EXPECT_EQ(graph.children(moved)[198], 99U);
  EXPECT_FALSE(graph.hashable(moved));
}

// Whoever goes on with the other of two all the same has children of its own.
TEST(Graph, TwoThatWereOneGrowApart) {
  Graph graph;
  const NodeId pair[] = {1, 2};
  const NodeId dict = graph.Container(Kind::kOrderedDict, pair);
  graph.Container(Kind::kTuple, pair);
  graph.Append(dict, pair);  // moves, to where there is room for more
  const NodeId tuple = graph.Container(Kind::kTuple, pair);
  const NodeId same = graph.Record({.callee = graph.None()});
  graph.Become(same, dict);
  const NodeId moved = graph.MoveOut(dict);
  for (int i = 0; i < 1000; ++i) graph.Append(dict, pair);
  for (int i = 0; i < 600; ++i) graph.Append(same, pair);
  graph.SetAttributes(same, graph.Bool(true));
  EXPECT_EQ(graph.children(dict).size(), 2004U);
  EXPECT_EQ(graph.children(same).size(), 1204U);
  EXPECT_EQ(graph.children(moved).size(), 4U);
  EXPECT_EQ(graph.children(tuple).size(), 2U);
  EXPECT_EQ(graph.children(tuple)[1], 2U);
  EXPECT_EQ(graph.attributes(dict), graph.None());
}

TEST(Graph, NumbersInARow) {
  Graph graph;
  const NodeId first = graph.Int(1000);
  graph.Int(2000);
  const NodeId real = graph.Float(0.5);
  const NodeId last = graph.Complex(1.5, 2.5);
  EXPECT_EQ(graph.NumbersFrom(first, real), 2U);
  EXPECT_EQ(graph.NumbersFrom(first, last), 2U) << "of one kind";
  EXPECT_EQ(graph.NumbersFrom(first, first + 1), 1U) << "no further than asked";
  EXPECT_EQ(graph.NumbersFrom(real, last), 1U);
  EXPECT_EQ(graph.NumbersFrom(graph.None(), first), 0U);
  const std::string_view numbers = graph.Numbers(first, 2);
  int64_t second = 0;
  ASSERT_EQ(numbers.size(), 2 * sizeof(second));
  std::memcpy(&second, numbers.data() + sizeof(second), sizeof(second));
  EXPECT_EQ(second, 2000);
  EXPECT_EQ(graph.real(last), 1.5);
  EXPECT_EQ(graph.imaginary(last), 2.5);
}

TEST(Graph, BytesOfTheInputAreNeitherCopiedNorCounted) {
  Graph graph;
  graph.Text(Kind::kBytes, "abc");
  const NodeId far = graph.BytesAt(Kind::kBytes, 1000, 1 << 20);
  const NodeId near = graph.Text(Kind::kBytes, "abc");
  ASSERT_TRUE(graph.span(far).has_value());
  EXPECT_EQ(graph.span(far)->offset, 1000U);
  EXPECT_EQ(graph.span(far)->length, 1U << 20);
  EXPECT_FALSE(graph.span(near).has_value());
  EXPECT_FALSE(graph.span(graph.Int(3)).has_value());
  EXPECT_EQ(graph.string_bytes(), 6U);
}

TEST(Graph, WhatBecomesAnotherIsItForEverybody) {
  Graph graph;
  const NodeId record = graph.Record({.callee = graph.None(), .state = graph.None()});
  const NodeId list = graph.Container(Kind::kList, {&record, 1});
  graph.Become(record, graph.Array(4));
  EXPECT_EQ(graph.kind(graph.children(list)[0]), Kind::kArray);
  EXPECT_EQ(graph.tensor(record), 4U);
  const NodeId inner = graph.MoveOut(record);
  graph.SetRecord(record, {.callee = inner, .recovered = list});
  EXPECT_EQ(graph.tensor(graph.record(record).callee), 4U);
  EXPECT_EQ(graph.record(record).recovered, list);
}

}  // namespace
}  // namespace airlock::pickle
