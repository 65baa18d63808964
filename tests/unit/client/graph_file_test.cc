// The value graph in a memory file: it is the graph that pieces make, and what is wrong with one is an error.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/cpp/answer.h"
#include "tests/unit/client/graph_file_maker.h"
#include "tests/unit/client/plan_maker.h"

namespace airlock {
namespace {

using testing::GraphFileMaker;
using testing::PlanMaker;
using Made = ClientResult<std::shared_ptr<const Contents>>;

// A list of a node of each kind.
PlanMaker EveryKind() {
  PlanMaker maker;
  std::vector<uint32_t> all(35);
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = i + 1;
  maker.Items(v1::NODE_KIND_LIST, all);
  for (const auto kind : {v1::NODE_KIND_NONE, v1::NODE_KIND_FALSE, v1::NODE_KIND_TRUE}) maker.Leaf(kind);  // 1 to 3
  maker.Int(-7);
  maker.Int(int64_t{1} << 40);
  maker.Float(1.5);
  maker.plan.mutable_graph()->add_floats(2.5);
  maker.plan.mutable_graph()->add_floats(-3.5);
  maker.Leaf(v1::NODE_KIND_COMPLEX);  // 7
  for (const auto kind : {v1::NODE_KIND_BIG_INT, v1::NODE_KIND_STRING, v1::NODE_KIND_BYTES, v1::NODE_KIND_BYTE_ARRAY,
                          v1::NODE_KIND_DTYPE, v1::NODE_KIND_LAYOUT, v1::NODE_KIND_DEVICE, v1::NODE_KIND_NUMPY_DTYPE}) {
    maker.Text(kind, "text of " + std::to_string(kind));  // 8 to 15
  }
  maker.Items(v1::NODE_KIND_TUPLE, {4, 5});  // 16
  maker.Items(v1::NODE_KIND_SET, {9});
  maker.Items(v1::NODE_KIND_FROZEN_SET, {});
  maker.Items(v1::NODE_KIND_SIZE, {4, 5});                               // 19
  maker.Dict({9, 0, 10, 20});                                            // 20
  maker.OrderedDict(1, {9, 4});                                          // 21
  for (int i = 0; i < 4; ++i) maker.Link(v1::NODE_KIND_TENSOR, i % 2U);  // 22 to 25
  maker.Link(v1::NODE_KIND_ARRAY, 1);                                    // 26
  maker.plan.mutable_graph()->add_links(0);
  maker.Link(v1::NODE_KIND_STORAGE, v1::DTYPE_FLOAT32);                  // 27
  maker.Link(v1::NODE_KIND_SYMBOL, 0);                                   // 28
  maker.RecordOf(v1::RECORD_PART_ARGS | v1::RECORD_PART_NEW, {28, 16});  // 29
  maker.Counted(v1::NODE_KIND_SPARSE_TENSOR, v1::SPARSE_BIT_COO, {22, 1, 23, 19});
  maker.Counted(v1::NODE_KIND_META_TENSOR, 0, {12, 19, 16});  // 31
  maker.Refs(v1::NODE_KIND_NESTED_TENSOR, {22, 23, 24, 25});
  maker.Refs(v1::NODE_KIND_STREAM, {10, 20});
  maker.Refs(v1::NODE_KIND_ATTRIBUTED, {31, 20});
  maker.Refs(v1::NODE_KIND_SCALAR, {15, 4});  // 35
  const uint32_t storage = maker.Storage(16);
  maker.Tensor(storage, v1::DTYPE_FLOAT32, {4}, {1});
  maker.Tensor(storage, v1::DTYPE_FLOAT32, {2}, {1}, 2);
  maker.plan.add_symbols()->set_name("Thing");
  maker.Entry("22", 0);
  maker.MetaEntry("31", 31);
  return maker;
}

std::string Numbers(std::span<const NodeId> nodes) {
  std::string text;
  for (const NodeId node : nodes) text += std::to_string(node) + " ";
  return text;
}

std::string RecordText(const Record& record) {
  std::string text = std::to_string(record.callee) + (record.by_new ? " new" : "");
  for (const auto& part : {record.args, record.kwargs, record.state, record.items, record.pairs, record.recovered}) {
    text += part ? " " + std::to_string(*part) : " -";
  }
  return text;
}

// All that can be asked of a node.
std::string NodeText(const Graph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case v1::NODE_KIND_NONE:
    case v1::NODE_KIND_FALSE:
    case v1::NODE_KIND_TRUE:
      return "";
    case v1::NODE_KIND_INT:
      return std::to_string(graph.Int(node));
    case v1::NODE_KIND_FLOAT:
      return std::to_string(graph.Float(node));
    case v1::NODE_KIND_COMPLEX:
      return std::to_string(graph.Float(node)) + " " + std::to_string(graph.Float(node, 1));
    case v1::NODE_KIND_LIST:
    case v1::NODE_KIND_TUPLE:
    case v1::NODE_KIND_SET:
    case v1::NODE_KIND_FROZEN_SET:
    case v1::NODE_KIND_SIZE:
      return Numbers(graph.Items(node));
    case v1::NODE_KIND_DICT:
      return Numbers(graph.Pairs(node));
    case v1::NODE_KIND_ORDERED_DICT:
      return std::to_string(graph.Attributes(node)) + ": " + Numbers(graph.Pairs(node));
    case v1::NODE_KIND_STORAGE:
      return std::to_string(graph.Link(node)) + " " + std::to_string(graph.Link(node, 1));
    case v1::NODE_KIND_TENSOR:
    case v1::NODE_KIND_ARRAY:
    case v1::NODE_KIND_SYMBOL:
      return std::to_string(graph.Link(node));
    case v1::NODE_KIND_RECORD:
      return RecordText(graph.RecordAt(node));
    case v1::NODE_KIND_SPARSE_TENSOR:
      return std::to_string(graph.SparseAt(node).values) + " " + std::to_string(graph.SparseAt(node).size);
    case v1::NODE_KIND_META_TENSOR:
      return std::string(graph.MetaAt(node).dtype) + " " + std::to_string(graph.MetaAt(node).strides);
    case v1::NODE_KIND_NESTED_TENSOR:
    case v1::NODE_KIND_STREAM:
    case v1::NODE_KIND_ATTRIBUTED:
    case v1::NODE_KIND_SCALAR:
      return Numbers(graph.Parts(node));
    default:
      return std::string(graph.Text(node));
  }
}

std::string GraphText(const Graph& graph) {
  std::string text;
  for (NodeId node = 0; node < graph.size(); ++node) {
    text += v1::NodeKind_Name(graph.kind(node)) + " " + NodeText(graph, node) + "\n";
  }
  return text;
}

// A daemon's answer with its graph in a file, which a test may change before it is given.
struct FileAnswer {
  explicit FileAnswer(const PlanMaker& maker) : file(maker.plan.graph()), answer(nullptr) {
    *report.mutable_report() = maker.Report();
    report.mutable_report()->set_posture(v1::POSTURE_FULL);
    *plan.mutable_plan() = maker.plan;
    plan.mutable_plan()->clear_graph();
    answer.ExpectGraphFile([this](const std::string& ticket) -> ClientResult<Fd> {
      taken += ticket + ";";
      return file.Descriptor();
    });
  }

  ClientResult<void> GiveFile() {
    v1::InspectResponse response;
    *response.mutable_graph_file() = file.message;
    return answer.Take(response);
  }
  template <typename Response>
  ClientResult<void> Give(const Response& response) {
    grpc::Slice slice(response.SerializeAsString());
    grpc::ByteBuffer message(&slice, 1);
    return answer.TakeEncoded<Response>(message);
  }
  Made Make() {
    AIRLOCK_TRY(Give(report));
    AIRLOCK_TRY(Give(plan));
    AIRLOCK_TRY(GiveFile());
    return answer.Finish();
  }

  GraphFileMaker file;
  v1::LoadResponse report;
  v1::LoadResponse plan;
  Answer answer;
  std::string taken;
};

TEST(GraphFile, IsTheGraphThatPiecesMake) {
  const PlanMaker maker = EveryKind();
  const Made pieces = maker.Make();
  ASSERT_TRUE(pieces.ok()) << pieces.error().message;
  FileAnswer answer(maker);
  const Made mapped = answer.Make();
  ASSERT_TRUE(mapped.ok()) << mapped.error().message;
  EXPECT_EQ(answer.taken, "graph;");
  EXPECT_EQ(GraphText((*mapped)->graph()), GraphText((*pieces)->graph()));
  EXPECT_EQ((*mapped)->meta_entries().at(0).node, 31U);
}

TEST(GraphFile, ComesWithALoadToo) {
  FileAnswer answer(EveryKind());
  v1::LoadResponse file;
  *file.mutable_graph_file() = answer.file.message;
  ASSERT_TRUE(answer.Give(answer.report).ok());
  ASSERT_TRUE(answer.Give(answer.plan).ok());
  ASSERT_TRUE(answer.Give(file).ok());
  EXPECT_TRUE(answer.answer.Finish().ok());
}

// The daemon gives none where the graph is small, or where it has too many tickets.
TEST(GraphFile, WherePiecesComeInsteadNothingIsTaken) {
  const PlanMaker maker = EveryKind();
  FileAnswer answer(maker);
  *answer.plan.mutable_plan() = maker.plan;
  ASSERT_TRUE(answer.Give(answer.report).ok());
  ASSERT_TRUE(answer.Give(answer.plan).ok());
  EXPECT_TRUE(answer.answer.Finish().ok());
  EXPECT_EQ(answer.taken, "");
}

TEST(GraphFile, GraphsOutliveWhatTheyCameFrom) {
  std::optional<FileAnswer> answer(EveryKind());
  Made mapped = answer->Make();
  ASSERT_TRUE(mapped.ok());
  const std::string text = GraphText((*mapped)->graph());
  answer.reset();
  Graph copy = (*mapped)->graph();
  mapped = Unexpected{MakeError(v1::REASON_INTERNAL)};
  EXPECT_EQ(GraphText(copy), text);
  const Graph moved = std::move(copy);
  EXPECT_EQ(GraphText(moved), text);
  copy = Graph();
  EXPECT_EQ(copy.size(), 0U);
  EXPECT_EQ(GraphText(moved), text);
  std::optional<Graph> pieces = (*EveryKind().Make())->graph();
  const Graph of_pieces = *pieces;
  pieces.reset();
  EXPECT_EQ(GraphText(of_pieces), text);
}

TEST(GraphFile, ColumnsThatAreElsewhereAreAnError) {
  constexpr uint64_t kRoom = GraphFileMaker::kRoom;
  const std::pair<const char*, std::function<void(v1::GraphFile&)>> lies[] = {
      {"not at a page", [](v1::GraphFile& file) { file.set_offset(6, file.offset(6) - 1); }},
      {"at a page of some machines", [](v1::GraphFile& file) { file.set_offset(6, 4096); }},
      {"behind the end", [](v1::GraphFile& file) { file.set_offset(6, kGraphColumns * kRoom); }},
      {"past the end", [](v1::GraphFile& file) { file.set_bytes(6, kRoom + 1); }},
      {"past all numbers", [](v1::GraphFile& file) { file.set_offset(6, -kRoom), file.set_bytes(6, 2 * kRoom); }},
      {"no whole values", [](v1::GraphFile& file) { file.set_bytes(4, file.bytes(4) - 1); }},
      {"six columns", [](v1::GraphFile& file) { file.mutable_offset()->RemoveLast(); }},
      {"of six the bytes", [](v1::GraphFile& file) { file.mutable_bytes()->RemoveLast(); }},
      {"eight columns", [](v1::GraphFile& file) { file.add_offset(0), file.add_bytes(0); }},
      {"none", [](v1::GraphFile& file) { file.clear_offset(), file.clear_bytes(); }},
  };
  for (const auto& [name, lie] : lies) {
    FileAnswer answer(EveryKind());
    lie(answer.file.message);
    const Made made = answer.Make();
    ASSERT_FALSE(made.ok()) << name;
    EXPECT_EQ(made.error().reason, v1::REASON_INTERNAL) << name;
  }
}

// Each column a value shorter and a value longer: the room behind it is zeros.
TEST(GraphFile, ColumnsThatDoNotFitTogetherAreAnError) {
  for (size_t column = 0; column < kGraphColumns; ++column) {
    for (const bool longer : {false, true}) {
      FileAnswer answer(EveryKind());
      const auto row = static_cast<int>(column);
      const uint64_t width = kGraphWidths[column];
      answer.file.message.set_bytes(row, answer.file.message.bytes(row) + (longer ? width : -width));
      EXPECT_FALSE(answer.Make().ok()) << column << longer;
    }
  }
  for (const auto& [column, value] :
       std::initializer_list<std::pair<int, uint32_t>>{{1, UINT32_MAX}, {2, 99}, {3, 99}}) {
    FileAnswer answer(EveryKind());
    ASSERT_EQ(pwrite(answer.file.file.get(), &value, sizeof(value), column * GraphFileMaker::kRoom), 4);
    EXPECT_FALSE(answer.Make().ok()) << column;
  }
}

TEST(GraphFile, NoDescriptorOfAFileIsAnError) {
  FileAnswer answer(EveryKind());
  answer.file.file = Fd();
  EXPECT_FALSE(answer.Make().ok());
  FileAnswer empty(EveryKind());
  ASSERT_EQ(ftruncate(empty.file.file.get(), 0), 0);
  EXPECT_FALSE(empty.Make().ok());
}

TEST(GraphFile, OutOfTurnIsAnError) {
  FileAnswer early(EveryKind());
  EXPECT_FALSE(early.GiveFile().ok()) << "before the report";

  FileAnswer twice(EveryKind());
  ASSERT_TRUE(twice.Give(twice.report).ok());
  ASSERT_TRUE(twice.GiveFile().ok());
  EXPECT_FALSE(twice.GiveFile().ok()) << "twice";

  FileAnswer unasked(EveryKind());
  Answer answer(nullptr);
  ASSERT_TRUE(answer.Take(unasked.report).ok());
  v1::LoadResponse response;
  *response.mutable_graph_file() = unasked.file.message;
  EXPECT_FALSE(answer.Take(response).ok()) << "without being asked for";
}

TEST(GraphFile, BesidePiecesIsAnError) {
  for (const bool first : {false, true}) {
    FileAnswer answer(EveryKind());
    v1::LoadResponse piece;
    piece.mutable_plan()->mutable_graph()->add_ints(1);
    ASSERT_TRUE(answer.Give(answer.report).ok());
    EXPECT_TRUE(!first || answer.Give(piece).ok());
    ASSERT_TRUE(answer.Give(answer.plan).ok());
    ASSERT_TRUE(answer.GiveFile().ok());
    EXPECT_TRUE(first || answer.Give(piece).ok());
    EXPECT_FALSE(answer.answer.Finish().ok());
  }
}

TEST(GraphFile, WhyItCannotBeTakenIsTheErrorOfTheCall) {
  FileAnswer answer(EveryKind());
  answer.answer.ExpectGraphFile(
      [](const std::string&) { return Unexpected{MakeError(v1::REASON_NO_SUCH_TICKET, "gone")}; });
  const Made made = answer.Make();
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().reason, v1::REASON_NO_SUCH_TICKET);
  EXPECT_EQ(made.error().message, "gone");
}

}  // namespace
}  // namespace airlock
