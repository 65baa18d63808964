#include <gtest/gtest.h>

#include <random>
#include <string>

#include "airlock/value.h"
#include "tests/unit/client/plan_maker.h"

namespace airlock {
namespace {

using testing::PlanMaker;

// {"a": tensor 0, 7: [tensor 1], "s": (None, 1.5), "self": the root}
PlanMaker Sample() {
  PlanMaker maker;
  maker.Dict({1, 2, 3, 4, 6, 7, 10, 0});
  maker.String("a");
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.Int(7);
  maker.Items(v1::NODE_KIND_LIST, {5});
  maker.Link(v1::NODE_KIND_TENSOR, 1);
  maker.String("s");
  maker.Items(v1::NODE_KIND_TUPLE, {8, 9});
  maker.Leaf(v1::NODE_KIND_NONE);
  maker.Float(1.5);
  maker.String("self");
  const uint32_t storage = maker.Storage(16);
  maker.Tensor(storage, v1::DTYPE_FLOAT32, {4}, {1});
  maker.Tensor(storage, v1::DTYPE_FLOAT32, {2}, {1}, 2);
  return maker;
}

TEST(Graph, ReadsWhatTheColumnsSay) {
  const auto contents = Sample().Make();
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  const Graph& graph = (*contents)->graph();
  ASSERT_EQ(graph.size(), 11U);
  EXPECT_EQ(graph.Find(0, "self"), NodeId{0});
  EXPECT_EQ(graph.Find(0, "b"), std::nullopt);
  EXPECT_EQ(graph.Int(3), 7);
  EXPECT_EQ(graph.Float(9), 1.5);
  EXPECT_EQ(graph.Link(5), 1U);
  EXPECT_EQ(graph.Items(7).size(), 2U);
}

// Every column cut at every place: what arrives in two pieces is what was sent.
TEST(Graph, PiecesMayBeCutAnywhere) {
  const PlanMaker maker = Sample();
  const v1::GraphColumns& whole = maker.plan.graph();
  const size_t longest = std::max<size_t>(whole.blob().size(), static_cast<size_t>(whole.refs_size()));
  for (size_t cut = 0; cut <= longest; ++cut) {
    v1::PlanChunk head = maker.plan;
    v1::PlanChunk tail;
    v1::GraphColumns& first = *head.mutable_graph();
    v1::GraphColumns& second = *tail.mutable_graph();
    auto split_bytes = [&](std::string* from, std::string* to) {
      *to = from->substr(std::min(cut, from->size()));
      from->resize(std::min(cut, from->size()));
    };
    auto split = [&](auto* from, auto* to) {
      for (int i = static_cast<int>(cut); i < from->size(); ++i) to->Add(from->Get(i));
      from->Truncate(std::min(static_cast<int>(cut), from->size()));
    };
    split_bytes(first.mutable_kinds(), second.mutable_kinds());
    split_bytes(first.mutable_blob(), second.mutable_blob());
    split(first.mutable_counts(), second.mutable_counts());
    split(first.mutable_refs(), second.mutable_refs());
    split(first.mutable_links(), second.mutable_links());
    split(first.mutable_ints(), second.mutable_ints());
    split(first.mutable_floats(), second.mutable_floats());
    PlanAssembler assembler;
    assembler.Add(maker.Report());
    ASSERT_TRUE(testing::AddPiece(assembler, head));
    ASSERT_TRUE(testing::AddPiece(assembler, tail));
    const auto contents = assembler.Finish();
    ASSERT_TRUE(contents.ok()) << "cut at " << cut << ": " << contents.error().message;
    EXPECT_EQ((*contents)->graph().Text(6), "s");
  }
}

// Nodes get their places as pieces arrive: one that comes before its count waits for it.
TEST(Graph, ColumnsMayArriveOneAfterTheOther) {
  const PlanMaker maker = Sample();
  const v1::GraphColumns& whole = maker.plan.graph();
  v1::PlanChunk kinds, refs, counts, values;
  kinds.mutable_graph()->set_kinds(whole.kinds());
  *refs.mutable_graph()->mutable_refs() = whole.refs();
  *counts.mutable_graph()->mutable_counts() = whole.counts();
  values = maker.plan;
  values.mutable_graph()->clear_kinds();
  values.mutable_graph()->clear_refs();
  values.mutable_graph()->clear_counts();
  PlanAssembler assembler;
  assembler.Add(maker.Report());
  for (const v1::PlanChunk* piece : {&kinds, &refs, &values, &counts})
    ASSERT_TRUE(testing::AddPiece(assembler, *piece));
  const auto contents = assembler.Finish();
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  const auto sent = maker.Make();
  ASSERT_TRUE(sent.ok());
  const Graph& graph = (*contents)->graph();
  for (NodeId node = 0; node < graph.size(); ++node) ASSERT_EQ(graph.kind(node), (*sent)->graph().kind(node));
  EXPECT_EQ(graph.Text(6), "s");
  EXPECT_EQ(graph.Items(7).size(), 2U);
}

TEST(Graph, ColumnsThatDoNotFitAreAnError) {
  for (int broken = 0; broken < 7; ++broken) {
    PlanMaker maker = Sample();
    v1::GraphColumns& graph = *maker.plan.mutable_graph();
    switch (broken) {
      case 0:
        graph.set_refs(0, 11);
        break;  // no such node
      case 1:
        graph.set_links(0, 2);
        break;  // no such tensor
      case 2:
        graph.mutable_counts()->RemoveLast();
        break;  // a column ends too early
      case 3:
        graph.add_ints(1);
        break;  // a value that no node takes
      case 4:
        graph.set_counts(0, UINT32_MAX);
        break;  // more than there is
      case 5:
        (*graph.mutable_kinds())[1] = 99;
        break;  // no such kind
      default:
        graph.mutable_blob()->pop_back();
        break;  // text ends too early
    }
    EXPECT_FALSE(maker.Make().ok()) << broken;
  }
}

// [sparse, meta, attributed meta, scalar]
PlanMaker Compounds() {
  PlanMaker maker;
  maker.Items(v1::NODE_KIND_LIST, {1, 2, 3, 4});
  maker.Counted(v1::NODE_KIND_SPARSE_TENSOR, v1::SPARSE_BIT_CSR | v1::SPARSE_BIT_REQUIRES_GRAD, {5, 6, 7, 8});
  maker.Counted(v1::NODE_KIND_META_TENSOR, v1::TENSOR_FLAG_REQUIRES_GRAD, {9, 8, 10});
  maker.Refs(v1::NODE_KIND_ATTRIBUTED, {2, 11});
  maker.Refs(v1::NODE_KIND_SCALAR, {12, 11});
  for (int i = 0; i < 3; ++i) maker.Link(v1::NODE_KIND_TENSOR, 0);  // 5, 6, 7
  maker.Items(v1::NODE_KIND_SIZE, {11});                            // 8
  maker.Text(v1::NODE_KIND_DTYPE, "float32");
  maker.Items(v1::NODE_KIND_TUPLE, {11});  // 10
  maker.Int(4);
  maker.Text(v1::NODE_KIND_NUMPY_DTYPE, "<i8");  // 12
  maker.Tensor(maker.Storage(4), v1::DTYPE_FLOAT32, {1}, {1});
  maker.Entry("0#values", 0);
  maker.MetaEntry("1", 2);
  return maker;
}

TEST(Graph, CompoundsComeApart) {
  const auto contents = Compounds().Make();
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  const Graph& graph = (*contents)->graph();
  const SparseTensor sparse = graph.SparseAt(1);
  EXPECT_EQ(sparse.layout, v1::SPARSE_BIT_CSR);
  EXPECT_TRUE(sparse.requires_grad);
  EXPECT_FALSE(sparse.coalesced);
  EXPECT_EQ(sparse.indices, 5U);
  EXPECT_EQ(sparse.more_indices, NodeId{6});
  EXPECT_EQ(sparse.values, 7U);
  EXPECT_EQ(sparse.size, 8U);
  const MetaTensor meta = graph.MetaAt(2);
  EXPECT_EQ(meta.dtype, "float32");
  EXPECT_EQ(graph.Items(meta.shape).size(), 1U);
  EXPECT_EQ(meta.flags, static_cast<uint32_t>(v1::TENSOR_FLAG_REQUIRES_GRAD));
  EXPECT_EQ(graph.Parts(3)[0], 2U);
  EXPECT_EQ(Behind(graph, 3), 2U);
  EXPECT_EQ(graph.Text(graph.Parts(4)[0]), "<i8");
  ASSERT_EQ((*contents)->meta_entries().size(), 1U);
  EXPECT_EQ((*contents)->meta_entries()[0].at, 1U);
}

TEST(Graph, PartsOfOtherKindsAreAnError) {
  const std::pair<int, uint32_t> wrong[] = {{4, 9},  {5, 8},  {6, 6 + 5}, {7, 10}, {8, 8},
                                            {9, 10}, {10, 8}, {11, 4},    {13, 9}, {14, 4}};
  for (const auto& [ref, node] : wrong) {
    PlanMaker maker = Compounds();
    maker.plan.mutable_graph()->set_refs(ref, node);
    EXPECT_FALSE(maker.Make().ok()) << "ref " << ref << " is node " << node;
  }
  PlanMaker maker = Compounds();
  maker.plan.mutable_entries()->set_meta_node(0, 1);
  EXPECT_FALSE(maker.Make().ok());
  maker.plan.mutable_entries()->set_meta_node(0, 13);
  EXPECT_FALSE(maker.Make().ok());
}

TEST(Entries, NamesThatDoNotAddUpAreAnError) {
  const auto takes = [](auto change) {
    PlanMaker maker = Compounds();
    change(*maker.plan.mutable_entries());
    return maker.Make().ok();
  };
  EXPECT_TRUE(takes([](v1::Entries&) {}));
  EXPECT_FALSE(takes([](v1::Entries& e) { e.set_name_bytes(0, e.name_bytes(0) + 1); })) << "a name longer than all";
  EXPECT_FALSE(takes([](v1::Entries& e) { e.mutable_names()->append("x"); })) << "bytes of no name";
  EXPECT_FALSE(takes([](v1::Entries& e) { e.set_meta_name_bytes(0, UINT32_MAX); })) << "a name longer than all";
  EXPECT_FALSE(takes([](v1::Entries& e) { e.mutable_meta_names()->append("x"); })) << "bytes of no name";
  EXPECT_FALSE(takes([](v1::Entries& e) { e.add_tensor(0); })) << "a tensor without a name";
}

TEST(Names, ARingOfStreamsEnds) {
  PlanMaker maker;
  maker.Refs(v1::NODE_KIND_STREAM, {1, 0});
  maker.Text(v1::NODE_KIND_BYTES, "");
  const auto contents = maker.Make();
  ASSERT_TRUE(contents.ok());
  EXPECT_TRUE(TensorsUnder((*contents)->graph(), 0)->tensors.empty());
}

// Whatever a broken transport makes of an answer: it ends in an error, or in tables that can be walked.
TEST(PlanAssembler, NoBytesDoHarm) {
  const PlanMaker maker = Sample();
  const std::string whole = maker.plan.SerializeAsString();
  std::mt19937 random(20261128);
  const auto below = [&](size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random); };
  int finished = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes = whole;
    const size_t at = below(bytes.size());
    switch (below(4)) {
      case 0:
        bytes[at] = static_cast<char>(below(256));
        break;
      case 1:
        bytes.erase(at, below(9) + 1);
        break;
      case 2:
        bytes.insert(at, bytes.substr(below(bytes.size()), below(9)));
        break;
      default:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
    }
    PlanAssembler assembler;
    assembler.Add(maker.Report());
    google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                                              static_cast<int>(bytes.size()));
    (void)in.PushLimit(static_cast<int>(bytes.size()));
    if (!assembler.Add(in)) continue;
    const auto contents = assembler.Finish();
    if (!contents.ok()) continue;
    ++finished;
    (void)TensorsUnder((*contents)->graph(), 0);
  }
  EXPECT_GT(finished, 100);
}

TEST(PlanAssembler, LengthsThatAreLiesTakeNoMemory) {
  using namespace std::string_literals;
  // A graph, and a column in it, of 2 GiB.
  for (const std::string& bytes : {"\x0a\xff\xff\xff\xff\x07"s, "\x0a\x06\x2a\xf8\xff\xff\xff\x07"s}) {
    PlanAssembler assembler;
    google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                                              static_cast<int>(bytes.size()));
    (void)in.PushLimit(static_cast<int>(bytes.size()));
    EXPECT_FALSE(assembler.Add(in));
  }
}

TEST(PlanAssembler, TensorsThatReachOutAreAnError) {
  struct Case {
    std::vector<uint64_t> shape, strides;
    uint64_t offset;
    bool fits;
  };
  const Case cases[] = {
      {{4}, {1}, 0, true},        {{5}, {1}, 0, false},   {{4}, {1}, 1, false},  {{2, 2}, {2, 1}, 0, true},
      {{2, 2}, {3, 1}, 0, false}, {{1000}, {0}, 3, true}, {{0}, {1}, 100, true}, {{UINT64_MAX}, {UINT64_MAX}, 0, false},
      {{}, {}, UINT64_MAX, false}};
  for (const Case& row : cases) {
    PlanMaker maker;
    maker.Link(v1::NODE_KIND_TENSOR, 0);
    maker.Tensor(maker.Storage(16), v1::DTYPE_FLOAT32, row.shape, row.strides, row.offset);
    EXPECT_EQ(maker.Make().ok(), row.fits) << ::testing::PrintToString(row.shape) << row.offset;
  }
}

TEST(PlanAssembler, AnAnswerShorterThanItsReportIsAnError) {
  const PlanMaker maker = Sample();
  for (int missing = 0; missing < 3; ++missing) {
    v1::Report report = maker.Report();
    if (missing == 0) report.mutable_totals()->set_tensors(3);
    if (missing == 1) report.mutable_totals()->set_findings(1);
    if (missing == 2) report.mutable_totals()->set_payload_bytes(17);
    PlanAssembler assembler;
    assembler.Add(report);
    ASSERT_TRUE(testing::AddPiece(assembler, maker.plan));
    EXPECT_FALSE(assembler.Finish().ok()) << missing;
  }
}

TEST(Names, ArePathsAndCyclesEnd) {
  const auto contents = Sample().Make();
  ASSERT_TRUE(contents.ok());
  const auto tensors = TensorsUnder((*contents)->graph(), 0);
  ASSERT_TRUE(tensors.ok());
  ASSERT_EQ(tensors->tensors.size(), 2U);
  EXPECT_EQ(tensors->tensors[0].name, "a");
  EXPECT_EQ(tensors->tensors[1].name, "7.0");
  EXPECT_EQ(tensors->tensors[1].tensor, 1U);
  EXPECT_EQ(TensorsUnder((*contents)->graph(), 2)->tensors[0].name, "");
  EXPECT_FALSE(TensorsUnder((*contents)->graph(), 0, {.max_name_bytes = 2}).ok());
}

// A long key may stand in a million dicts: it is looked at where it may lead to a tensor, and then has an end.
TEST(Names, KeysThatLeadNowhereAreBounded) {
  const auto walk = [](v1::NodeKind leaf) {
    PlanMaker maker;
    maker.Items(v1::NODE_KIND_LIST, {1, 2});
    maker.Dict({3, 4});
    maker.Dict({3, 5});
    maker.String(std::string(600, 'k'));
    for (int i = 0; i < 2; ++i) {
      if (leaf == v1::NODE_KIND_NONE) {
        maker.Leaf(leaf);
      } else {
        maker.Items(leaf, {});
      }
    }
    return TensorsUnder((*maker.Make())->graph(), 0, {.max_name_bytes = 1000}).ok();
  };
  EXPECT_TRUE(walk(v1::NODE_KIND_NONE)) << "its keys are no names";
  EXPECT_FALSE(walk(v1::NODE_KIND_LIST));
}

TEST(Names, DepthIsNoRecursion) {
  constexpr uint32_t kDepth = 100'000;
  PlanMaker maker;
  for (uint32_t i = 0; i < kDepth; ++i) maker.Items(v1::NODE_KIND_LIST, {i + 1});
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.Tensor(maker.Storage(4), v1::DTYPE_FLOAT32, {1}, {1});
  const auto contents = maker.Make();
  ASSERT_TRUE(contents.ok());
  const auto tensors = TensorsUnder((*contents)->graph(), 0);
  ASSERT_TRUE(tensors.ok());
  EXPECT_EQ(tensors->tensors.at(0).name.size(), 2 * kDepth - 1);
}

}  // namespace
}  // namespace airlock
