#include "sandbox/pickle/key_identity.h"

#include <gtest/gtest.h>

#include "tests/unit/pickle/machine_fixture.h"

namespace airlock::pickle {
namespace {

// The dict or set that `bytes` make, with what Python would keep of it.
std::string Kept(std::string_view bytes) {
  const Load load = LoadBytes(bytes);
  if (load.error) return "! " + load.failure;
  const Graph& graph = load.context.graph;
  KeyIdentity identity(graph);
  const bool is_set = graph.is(load.root, Kind::kSet) || graph.is(load.root, Kind::kFrozenSet);
  std::string shown;
  for (const NodeId node : is_set ? identity.DistinctMembers(load.root) : identity.DistinctPairs(load.root)) {
    shown += (shown.empty() ? "" : " ") + ShowNode(load.context, node);
  }
  return shown;
}

TEST(KeyIdentity, TheLastValueWinsInTheFirstPlace) {
  EXPECT_EQ(Kept("}(K\x01K\x0aK\x02K\x0bK\x01K\x0cu."sv), "1 12 2 11");
  EXPECT_EQ(Kept("}(\x8c\x01"
                 "aK\x0a\x8c\x01"
                 "bK\x0b\x8c\x01"
                 "aK\x0cu."sv),
            "'a' 12 'b' 11");
  EXPECT_EQ(Kept("}(\x8c\x01"
                 "aK\x0a\x8c\x01"
                 "bK\x0bu."sv),
            "'a' 10 'b' 11");
}

TEST(KeyIdentity, NumbersOfEqualValueAreOneKey) {
  EXPECT_EQ(Kept("}(K\x01K\x0a\x88K\x0bG\x3f\xf0\0\0\0\0\0\0K\x0cu."sv), "1 12");
  EXPECT_EQ(Kept("}(K\x00K\x0a\x89K\x0bG\x80\0\0\0\0\0\0\0K\x0cu."sv), "0 12");
  // 2^70 and its float; 2^70 + 1 is another
  EXPECT_EQ(Kept("}(G\x44\x50\0\0\0\0\0\0K\x0a\x8a\x09\0\0\0\0\0\0\0\0\x40K\x0b"
                 "\x8a\x09\x01\0\0\0\0\0\0\0\x40K\x0cu."sv),
            "1.1805916207174113e+21 11 0x400000000000000001 12");
  EXPECT_EQ(Kept("}(G\xc4\x50\0\0\0\0\0\0K\x0a\x8a\x09\0\0\0\0\0\0\0\0\xc0K\x0bu."sv), "-1.1805916207174113e+21 11");
  // -2^63 and its float; 2^63 and its float
  EXPECT_EQ(Kept("}(G\xc3\xe0\0\0\0\0\0\0K\x0a\x8a\x08\0\0\0\0\0\0\0\x80K\x0bu."sv), "-9.2233720368547758e+18 11");
  EXPECT_EQ(Kept("}(G\x43\xe0\0\0\0\0\0\0K\x0a\x8a\x09\0\0\0\0\0\0\0\x80\0K\x0bu."sv), "9.2233720368547758e+18 11");
}

TEST(KeyIdentity, TextAndBytesAreDifferentKeys) {
  EXPECT_EQ(Kept("}(\x8c\x01"
                 "aK\x0a"
                 "C\x01"
                 "aK\x0bu."sv),
            "'a' 10 b'a' 11");
}

TEST(KeyIdentity, NanIsItself) {
  EXPECT_EQ(Kept("}(G\x7f\xf8\0\0\0\0\0\0K\x0aG\x7f\xf8\0\0\0\0\0\0K\x0bu."sv), "nan 10 nan 11");
  EXPECT_EQ(Kept("G\x7f\xf8\0\0\0\0\0\0q\x00"
                 "0}(h\x00K\x0ah\x00K\x0bu."sv),
            "nan 11");
}

TEST(KeyIdentity, TuplesAreWhatTheyHold) {
  EXPECT_EQ(Kept("}(K\x01\x85K\x0a\x88\x85K\x0b)\x85K\x0c)\x85K\x0du."sv), "(1,) 11 ((),) 13");
}

TEST(KeyIdentity, FrozenSetsHaveNoOrder) {
  EXPECT_EQ(Kept("}((K\x01K\x02\x91K\x0a(K\x02K\x01K\x01\x91K\x0bu."sv), "frozenset(1, 2) 11");
}

TEST(KeyIdentity, ObjectsAreThemselvesAndClassesToo) {
  EXPECT_EQ(Kept("}(cm\nC\n)\x81K\x0a"
                 "cm\nC\n)\x81K\x0bu."sv),
            "<new m.C ()> 10 <new m.C ()> 11");
  EXPECT_EQ(Kept("}(cm\nC\nK\x0a"
                 "cm\nC\nK\x0bu."sv),
            "m.C 11");
}

TEST(KeyIdentity, SetsKeepTheFirstMember) { EXPECT_EQ(Kept("\x8f(K\x01\x88K\x02K\x02\x90."sv), "1 2"); }

TEST(KeyIdentity, NumpysNumbersAreNumbers) {
  Graph graph;
  const auto scalar = [&graph](NodeId value) {
    const NodeId parts[] = {graph.Text(Kind::kNumpyDType, "<i8"), value};
    return graph.Compound(Kind::kScalar, 0, parts);
  };
  const NodeId one = graph.Int(1);
  const NodeId members[] = {scalar(one), graph.Bool(true), scalar(graph.Float(1.0)), scalar(graph.Int(2))};
  const NodeId set = graph.Container(Kind::kSet, members);
  EXPECT_EQ(KeyIdentity(graph).DistinctMembers(set).size(), 2U);
}

TEST(KeyIdentity, BytesOfTheInputAreThemselves) {
  Graph graph;
  const NodeId bytes = graph.BytesAt(Kind::kBytes, 0, 100);
  const NodeId members[] = {bytes, graph.BytesAt(Kind::kBytes, 0, 100), bytes, graph.Text(Kind::kBytes, "")};
  EXPECT_EQ(KeyIdentity(graph).DistinctMembers(graph.Container(Kind::kSet, members)).size(), 3U);
}

// What became another after it had been put into a tuple can hold that tuple.
TEST(KeyIdentity, ARingOfTuplesEnds) {
  Graph graph;
  const NodeId record = graph.Record({.callee = graph.None()});
  const NodeId tuple = graph.Container(Kind::kTuple, {&record, 1});
  graph.Become(record, graph.Container(Kind::kTuple, {&tuple, 1}));
  const NodeId members[] = {tuple, record, tuple};
  EXPECT_EQ(KeyIdentity(graph).DistinctMembers(graph.Container(Kind::kSet, members)).size(), 2U);
}

TEST(KeyIdentity, ManyKeysOfOneValue) {
  std::string bytes = "}(";
  for (int i = 0; i < 1000; ++i) bytes += std::string("K\x05K") + static_cast<char>(i % 250);
  EXPECT_EQ(Kept(bytes + "u."), "5 249");
}

TEST(KeyIdentity, AMemoBombIsAnOrdinaryKey) {
  // 60 levels of (x, x), twice, as two keys: 2^60 leaves each, and equal.
  std::string bytes = "}(";
  for (int copy = 0; copy < 2; ++copy) {
    bytes += "K\x01";
    for (int i = 0; i < 60; ++i) bytes += "2\x86";
    bytes += "N";
  }
  const Load load = LoadBytes(bytes + "u.");
  ASSERT_FALSE(load.error);
  KeyIdentity identity(load.context.graph);
  EXPECT_EQ(identity.DistinctPairs(load.root).size(), 2U);
}

TEST(KeyIdentity, ADeepKeyNeedsNoStack) {
  std::string bytes = "}(N";
  bytes += std::string(300'000, '\x85');
  bytes += "NNNu.";
  const Load load = LoadBytes(bytes);
  ASSERT_FALSE(load.error);
  KeyIdentity identity(load.context.graph);
  EXPECT_EQ(identity.DistinctPairs(load.root).size(), 4U);
}

}  // namespace
}  // namespace airlock::pickle
