// Emission: frames and columns say what the checkpoint holds, in the order that graph.proto promises.
#include "sandbox/worker/emit.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <tuple>
#include <utility>
#include <vector>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/worker/emit_order.h"
#include "sandbox/worker/graph_file_sink.h"
#include "sandbox/worker/safe_text.h"
#include "tests/fixtures/memory_graph.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/decoded.h"

namespace airlock::worker {
namespace {

using fixtures::PickleAssembler;
using formats::Checkpoint;
using formats::Decoded;

// What came out, read as the broker does: tables concatenated.
struct Emitted {
  ::airlock::v1::PlanChunk plan;
  std::string kinds;
  std::string blob;
  v1::Done done;
  bool taken = false;  // what Emit says
  bool finished = false;
  int frames = 0;
};

class FrameCollector final : public FrameSink {
 public:
  FrameCollector(Emitted& emitted, int accept) : emitted_(emitted), accept_(accept) {}

  bool Write(std::span<char> framed) override {
    const std::span<char> encoded = framed.subspan(kFramePrefix);
    EXPECT_LE(encoded.size(), size_t{64} << 10);
    v1::Frame frame;
    EXPECT_TRUE(frame.ParseFromArray(encoded.data(), static_cast<int>(encoded.size())));
    EXPECT_EQ(frame.ByteSizeLong(), encoded.size()) << "not canonical";
    EXPECT_FALSE(emitted_.finished) << "a frame after DONE";
    EXPECT_FALSE(frame.plan().has_graph());
    if (frame.has_plan()) emitted_.plan.MergeFrom(frame.plan());
    if (frame.has_done()) emitted_.done = frame.done();
    emitted_.finished = frame.has_done();
    return ++emitted_.frames < accept_;
  }

 private:
  Emitted& emitted_;
  const int accept_;
};

Emitted EmitTo(fixtures::MemoryGraph& graph, const Checkpoint& checkpoint, const formats::Input& input,
               Result<void> decoded = {}, int accept = 1 << 30) {
  Emitted emitted;
  FrameCollector frames(emitted, accept);
  emitted.taken = Emit(checkpoint, input, std::move(decoded), {frames, graph});
  std::vector<uint64_t> bytes;
  for (const std::string& column : graph.columns) bytes.push_back(column.size());
  const auto& said = emitted.done.graph_bytes();
  if (emitted.finished && emitted.done.reason() == 0) {
    EXPECT_EQ(std::vector<uint64_t>(said.begin(), said.end()), bytes);
  } else {
    EXPECT_TRUE(said.empty());
  }
  *emitted.plan.mutable_graph() = graph.Message();
  emitted.kinds = graph.columns.front();
  emitted.blob = graph.columns.back();
  return emitted;
}

Emitted EmitBytes(const std::string& file, const Limits& limits = {}) {
  Decoded decoded = formats::DecodeBytes(file, limits);
  fixtures::MemoryGraph graph;
  const Emitted emitted = EmitTo(graph, decoded.checkpoint, formats::Input(decoded.input.get(), decoded.input_size),
                                 std::move(decoded.result));
  EXPECT_TRUE(emitted.taken && emitted.finished);
  return emitted;
}

std::string Archive(const std::string& pickle, const std::vector<fixtures::StorageSpec>& storages = {}) {
  return fixtures::WriteZip(fixtures::TorchZipShape(pickle, storages));
}

std::string Kinds(std::initializer_list<pickle::Kind> kinds) {
  std::string text;
  for (const pickle::Kind kind : kinds) text += static_cast<char>(kind);
  return text;
}

TEST(Emit, NodesComeInTheOrderInWhichTheyWereMadeBehindTheRoot) {
  using K = pickle::Kind;
  // {"a": [1, 2.5], "b": (None, True)}
  const Emitted out = EmitBytes(Archive(PickleAssembler()
                                            .Proto(2)
                                            .EmptyDict()
                                            .Mark()
                                            .Text("a")
                                            .Op("]")
                                            .Mark()
                                            .Int(1)
                                            .Float(2.5)
                                            .Op("e")
                                            .Text("b")
                                            .None()
                                            .Bool(true)
                                            .Op("\x86")
                                            .SetItems()
                                            .Stop()));
  EXPECT_EQ(out.done.reason(), 0U);
  EXPECT_EQ(out.kinds,
            Kinds({K::kDict, K::kNone, K::kTrue, K::kString, K::kList, K::kInt, K::kFloat, K::kString, K::kTuple}));
  EXPECT_EQ(out.blob, "ab");
  const auto& graph = out.plan.graph();
  EXPECT_EQ(std::vector<uint32_t>(graph.counts().begin(), graph.counts().end()),
            (std::vector<uint32_t>{2, 1, 2, 1, 2}));
  EXPECT_EQ(std::vector<uint32_t>(graph.refs().begin(), graph.refs().end()),
            (std::vector<uint32_t>{3, 4, 7, 8, 5, 6, 1, 2}));
  EXPECT_EQ(graph.ints(0), 1);
  EXPECT_EQ(graph.floats(0), 2.5);
}

// A tuple is made after what it holds; the root is node 0 all the same.
TEST(Emit, ARootThatWasMadeLastIsTheFirstNode) {
  using K = pickle::Kind;
  const Emitted out =
      EmitBytes(Archive(PickleAssembler().Proto(2).Mark().Int(1000).Int(2000).Float(0.5).Tuple().Stop()));
  EXPECT_EQ(out.kinds, Kinds({K::kTuple, K::kInt, K::kInt, K::kFloat}));
  const auto& refs = out.plan.graph().refs();
  EXPECT_EQ(std::vector<uint32_t>(refs.begin(), refs.end()), (std::vector<uint32_t>{1, 2, 3}));
}

// Numbers are counted in blocks.
TEST(Emit, RefsFindTheirNodesBeyondABlock) {
  PickleAssembler list;
  list.Proto(2).Op("]").Mark();
  constexpr int kItems = 1000;
  for (int i = 0; i < kItems; ++i) {
    list.Int(i);
    if (i % 3 == 0) list.Op("0");  // made, and dropped
  }
  const Emitted out = EmitBytes(Archive(list.Op("e").Stop()));
  const auto& graph = out.plan.graph();
  ASSERT_EQ(graph.refs_size(), kItems - (kItems + 2) / 3);
  ASSERT_EQ(graph.ints_size(), graph.refs_size());
  for (int i = 0; i < graph.refs_size(); ++i) EXPECT_EQ(graph.refs(i), static_cast<uint32_t>(i + 1));
}

TEST(Emit, ReachedNodesAreFoundAcrossBlocks) {
  NodeNumbers numbers(1000);
  EXPECT_TRUE(numbers.ForEach([](pickle::NodeId) { return false; })) << "there is none yet";
  const std::vector<pickle::NodeId> reached = {0, 63, 64, 127, 500, 999};
  for (const pickle::NodeId node : reached) {
    EXPECT_TRUE(numbers.Reach(node));
    EXPECT_FALSE(numbers.Reach(node));
  }
  numbers.Number(500);
  std::vector<pickle::NodeId> found;
  EXPECT_TRUE(numbers.ForEach([&](pickle::NodeId node) {
    EXPECT_TRUE(numbers.reached(node));
    found.push_back(node);
    return true;
  }));
  EXPECT_EQ(found, reached);
  EXPECT_FALSE(numbers.ForEach([](pickle::NodeId node) { return node < 127; })) << "one that fails ends it";
  EXPECT_FALSE(numbers.reached(1));
  // The root first, then the others in their order.
  EXPECT_EQ(numbers[500], 0U);
  EXPECT_EQ(numbers[0], 1U);
  EXPECT_EQ(numbers[64], 3U);
  EXPECT_EQ(numbers[127], 4U);
  EXPECT_EQ(numbers[999], 5U);
}

TEST(Emit, RunsOfReachedNodesEndWhereTheyDo) {
  const std::vector<std::vector<std::pair<uint32_t, uint32_t>>> cases = {
      {}, {{0, 1}}, {{0, 64}}, {{63, 65}}, {{0, 63}, {64, 300}}, {{1, 2}, {3, 4}, {62, 64}, {128, 192}, {299, 300}}};
  for (const auto& runs : cases) {
    NodeNumbers numbers(300);
    for (const auto& [begin, end] : runs) {
      for (uint32_t node = begin; node < end; ++node) numbers.Reach(node);
    }
    std::vector<std::pair<uint32_t, uint32_t>> seen;
    EXPECT_TRUE(numbers.ForEachRun([&](uint32_t begin, uint32_t end) {
      seen.emplace_back(begin, end);
      return true;
    }));
    EXPECT_EQ(seen, runs);
  }
}

// They go out many at a time: none is lost where a buffer ends, and what is no number keeps its place.
TEST(Emit, NumbersInARowComeAsTheyAre) {
  constexpr int kEach = 20'000;
  PickleAssembler pickle;
  pickle.Proto(2).Mark();
  for (int i = 0; i < kEach; ++i) pickle.Int(1000 + i);
  pickle.Text("between");
  for (int i = 0; i < kEach; ++i) pickle.Float(i + 0.5);
  for (int i = 0; i < kEach; ++i) pickle.Int(-i - 1).Float(-i);
  const Emitted out = EmitBytes(Archive(pickle.Tuple().Stop()));
  ASSERT_EQ(out.done.reason(), 0U);
  std::string kinds = Kinds({pickle::Kind::kTuple}) + std::string(kEach, static_cast<char>(pickle::Kind::kInt)) +
                      Kinds({pickle::Kind::kString}) + std::string(kEach, static_cast<char>(pickle::Kind::kFloat));
  for (int i = 0; i < kEach; ++i) kinds += Kinds({pickle::Kind::kInt, pickle::Kind::kFloat});
  EXPECT_TRUE(out.kinds == kinds);
  const auto& graph = out.plan.graph();
  ASSERT_EQ(graph.ints_size(), 2 * kEach);
  ASSERT_EQ(graph.floats_size(), 2 * kEach);
  for (int i = 0; i < kEach; ++i) {
    ASSERT_EQ(graph.ints(i), 1000 + i);
    ASSERT_EQ(graph.ints(kEach + i), -i - 1);
    ASSERT_EQ(graph.floats(i), i + 0.5);
    ASSERT_EQ(graph.floats(kEach + i), -i);
  }
}

TEST(Emit, ARootThatIsANumberComesOnce) {
  const Emitted out = EmitBytes(Archive(PickleAssembler().Proto(2).Int(1000).Stop()));
  EXPECT_EQ(out.kinds, Kinds({pickle::Kind::kInt}));
  EXPECT_EQ(out.plan.graph().ints_size(), 1);
}

TEST(Emit, NodesInARowAreNumberedAsEachIs) {
  constexpr pickle::NodeId kRoot = 100;
  NodeNumbers numbers(200);
  for (pickle::NodeId node = 0; node < 200; ++node) {
    if (node % 70 != 69) numbers.Reach(node);
  }
  numbers.Number(kRoot);
  std::vector<pickle::NodeId> nodes;
  for (pickle::NodeId node = 90; node < 120; ++node) nodes.push_back(node);  // the root among them
  for (const pickle::NodeId node : {99U, 101U, 0U, 1U, 63U, 64U, 68U, 70U, 100U, 100U, 101U, 198U, 199U, 0U, 5U, 5U}) {
    nodes.push_back(node);
  }
  std::vector<uint32_t> out(nodes.size());
  numbers.Of(nodes, out.data());
  for (size_t i = 0; i < nodes.size(); ++i) EXPECT_EQ(out[i], numbers[nodes[i]]) << i;
}

TEST(Emit, KeysAreDistinctAndTheLastValueStays) {
  const Emitted out = EmitBytes(
      Archive(PickleAssembler().Proto(2).EmptyDict().Mark().Int(1).Int(10).Bool(true).Int(20).SetItems().Stop()));
  EXPECT_EQ(out.plan.graph().counts(0), 1U);
  EXPECT_EQ(out.plan.graph().ints(1), 20);
}

TEST(Emit, ACycleIsAReferenceToItsNode) {
  // A list that holds itself.
  const Emitted out = EmitBytes(Archive(
      PickleAssembler().Proto(2).Op("]q").Op(std::string(1, '\0')).Op("h").Op(std::string(1, '\0')).Op("a").Stop()));
  EXPECT_EQ(out.kinds.size(), 1U);
  EXPECT_EQ(out.plan.graph().refs(0), 0U);
}

TEST(Emit, WhatIsNotReachedIsDropped) {
  const std::vector<fixtures::StorageSpec> storages = {fixtures::FloatStorage("0", 2), fixtures::FloatStorage("1", 2)};
  PickleAssembler out;
  out.Proto(2);
  PushTensor(out, {.name = "", .storage = 0, .shape = {2}, .stride = {1}}, storages, false);
  out.Op("0");
  PushTensor(out, {.name = "", .storage = 1, .shape = {2}, .stride = {1}}, storages, false);
  const Emitted emitted = EmitBytes(Archive(out.Stop(), storages));
  EXPECT_EQ(emitted.plan.tensors().rank_size(), 1);
  EXPECT_EQ(emitted.plan.storages().place_size(), 1);
  EXPECT_EQ(emitted.plan.tensors().storage(0), 0U);
  EXPECT_EQ(emitted.plan.devices(0), "cpu");
}

TEST(Emit, SymbolsAndFindingsComeAfterAnErrorToo) {
  const std::string pickle =
      PickleAssembler().Proto(2).Global("os", "system").Mark().Text("true").Tuple().Reduce().Op("\xFF").Stop();
  const Emitted out = EmitBytes(Archive(pickle));
  EXPECT_EQ(out.done.reason(), static_cast<uint32_t>(Reason::kPickleMalformed));
  ASSERT_EQ(out.plan.symbols_size(), 1);
  EXPECT_EQ(out.plan.symbols(0).module(), "os");
  EXPECT_GE(out.plan.findings_size(), 1);
  EXPECT_TRUE(out.kinds.empty());
}

TEST(Emit, DepthLimit) {
  std::string deep = "\x80\x02";
  for (int i = 0; i < 100; ++i) deep += ']';
  for (int i = 0; i < 99; ++i) deep += 'a';
  Limits limits;
  limits.depth = 99;
  const Emitted out = EmitBytes(Archive(deep + "."), limits);
  EXPECT_EQ(out.done.reason(), static_cast<uint32_t>(Reason::kLimitExceeded));
  EXPECT_EQ(out.done.limit_name(), "depth");
  limits.depth = 100;
  EXPECT_EQ(EmitBytes(Archive(deep + "."), limits).done.reason(), 0U);
}

// The broker takes more symbols than the limit for a lie.
TEST(Emit, NoMoreSymbolsThanTheLimitComeOut) {
  Limits limits;
  limits.symbols = 2;
  const Emitted out = EmitBytes(Archive("\x80\x02(ca\nb\nca\nc\nca\nd\nt."), limits);
  EXPECT_EQ(out.done.reason(), static_cast<uint32_t>(Reason::kLimitExceeded));
  EXPECT_EQ(out.done.limit_name(), "symbols");
  EXPECT_EQ(out.plan.symbols_size(), 2);
}

TEST(Emit, LongTextsComeWholeAmongShortOnes) {
  PickleAssembler pickle;
  pickle.Proto(2).Mark();
  std::string all;
  for (const size_t length : {1, 65535, 65536, 3, 65537, 200000, 70, 65535, 65535, 2}) {
    const std::string text(length, static_cast<char>('a' + length % 26));
    pickle.Text(text);
    all += text;
  }
  const Emitted out = EmitBytes(Archive(pickle.Tuple().Stop()));
  EXPECT_TRUE(out.blob == all);
  EXPECT_EQ(out.plan.graph().counts(5), 65537U);
}

TEST(Emit, ASinkThatRefusesEndsIt) {
  std::string pickle = "\x80\x02(";
  for (int i = 0; i < 10'000; ++i) pickle += "cmodule\nname" + std::to_string(i) + "\n";
  Decoded decoded = formats::DecodeBytes(Archive(pickle + "t."));
  fixtures::MemoryGraph graph;
  const Emitted out = EmitTo(graph, decoded.checkpoint, formats::Input(decoded.input.get(), decoded.input_size),
                             std::move(decoded.result), 2);
  EXPECT_FALSE(out.taken);
  EXPECT_EQ(out.frames, 2);
}

uint32_t AddVector(Checkpoint& checkpoint, tensors::DType dtype) {
  const uint64_t shape[] = {1};
  const uint32_t storage = checkpoint.tables.AddStorage({.device = checkpoint.tables.Device("cpu"), .nbytes = 8});
  return checkpoint.tables.AddTensor(
      {.storage = storage, .dtype = dtype, .flags = 0, .offset = 0, .shape = shape, .stride = shape});
}

// A list of so many numbers, a symbol and a tensor.
Checkpoint NumbersAndASymbol(int count) {
  Checkpoint checkpoint;
  pickle::Graph& graph = checkpoint.context.graph;
  std::vector<pickle::NodeId> items = {graph.Symbol(*checkpoint.context.symbols.Use("m", "n", 0, 0))};
  for (int i = 0; i < count; ++i) items.push_back(graph.Int(i));
  AddVector(checkpoint, tensors::DType::kInt8);
  items.push_back(graph.Tensor(0));
  checkpoint.root = graph.Container(pickle::Kind::kList, items);
  return checkpoint;
}

// The room is a limit as any other, to the byte.
TEST(Emit, AColumnThatOutgrowsItsRoomIsALimit) {
  for (const int count : {100, 8191, 8192, 8193, 50'000}) {
    const Checkpoint checkpoint = NumbersAndASymbol(count);
    const uint64_t needed = sizeof(int64_t) * static_cast<uint64_t>(count);
    fixtures::MemoryGraph enough(needed);
    EXPECT_EQ(EmitTo(enough, checkpoint, formats::Input(-1, 0)).done.reason(), 0U) << count;
    fixtures::MemoryGraph less(needed - 1);
    const Emitted out = EmitTo(less, checkpoint, formats::Input(-1, 0));
    EXPECT_TRUE(out.taken);
    EXPECT_EQ(out.done.reason(), static_cast<uint32_t>(Reason::kLimitExceeded)) << count;
    EXPECT_EQ(out.done.limit_name(), "memory_bytes");
    EXPECT_EQ(out.done.limit(), needed - 1);
    EXPECT_EQ(out.done.limit_seen(), needed);
    EXPECT_EQ(out.plan.symbols_size(), 1) << "as after any error";
    EXPECT_EQ(out.plan.tensors().rank_size(), 0);
  }
}

TEST(Emit, AGraphThatCannotBeWrittenIsNoPlan) {
  const Checkpoint checkpoint = NumbersAndASymbol(50'000);
  fixtures::MemoryGraph whole;
  EmitTo(whole, checkpoint, formats::Input(-1, 0));
  const size_t writes = SIZE_MAX - whole.writes;
  EXPECT_GE(writes, 5U);
  for (size_t taken = 0; taken < writes; ++taken) {
    fixtures::MemoryGraph graph;
    graph.writes = taken;
    const Emitted out = EmitTo(graph, checkpoint, formats::Input(-1, 0));
    EXPECT_TRUE(out.taken);
    EXPECT_EQ(out.done.limit_name(), "memory_bytes") << taken;
    EXPECT_EQ(graph.writes, SIZE_MAX) << "nothing more was tried";
    EXPECT_EQ(out.plan.symbols_size(), 1);
  }
}

TEST(Emit, TheGraphFileHasTheColumnsSideBySide) {
  const Checkpoint checkpoint = NumbersAndASymbol(20'000);
  fixtures::MemoryGraph memory;
  EmitTo(memory, checkpoint, formats::Input(-1, 0));
  constexpr uint64_t kRoom = 256 << 10;
  const Fd file(memfd_create("graph", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  Emitted emitted;
  FrameCollector frames(emitted, 1 << 30);
  GraphFileSink graph(file.get(), kRoom);
  ASSERT_TRUE(Emit(checkpoint, formats::Input(-1, 0), Result<void>(), {frames, graph}));
  for (size_t i = 0; i < kGraphColumns; ++i) {
    std::string column(memory.columns[i].size(), '\0');
    const auto at = static_cast<off_t>(i * kRoom);
    EXPECT_EQ(pread(file.get(), column.data(), column.size(), at), static_cast<ssize_t>(column.size()));
    EXPECT_TRUE(column == memory.columns[i]) << i;
  }
  // Of a file that nobody may write any more.
  ASSERT_EQ(fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE), 0);
  Emitted refused;
  FrameCollector others(refused, 1 << 30);
  ASSERT_TRUE(Emit(checkpoint, formats::Input(-1, 0), Result<void>(), {others, graph}));
  EXPECT_EQ(refused.done.limit_name(), "memory_bytes");
}

TEST(Emit, QuantisedTensorsBringTheirScales) {
  const std::vector<fixtures::StorageSpec> storages = {
      {.key = "0", .type = "QInt8Storage", .numel = 6, .bytes = "abcdef"},
      {.key = "1", .type = "DoubleStorage", .numel = 2, .bytes = std::string(16, '\0')},
      {.key = "2", .type = "LongStorage", .numel = 2, .bytes = std::string(16, '\0')}};
  PickleAssembler out;
  out.Proto(2).Global("torch._utils", "_rebuild_qtensor").Mark();
  PushStorage(out, storages[0], false);
  out.Int(0).Mark().Int(2).Int(3).Tuple().Mark().Int(3).Int(1).Tuple();
  out.Mark().Global("torch", "per_channel_affine");
  PushTensor(out, {.name = "", .storage = 1, .shape = {2}, .stride = {1}}, storages, false);
  PushTensor(out, {.name = "", .storage = 2, .shape = {2}, .stride = {1}}, storages, false);
  out.Int(0).Tuple().Bool(false).EmptyOrderedDict().Tuple().Reduce();
  const Emitted emitted = EmitBytes(Archive(out.Stop(), storages));
  ASSERT_EQ(emitted.plan.tensors().rank_size(), 3);
  ASSERT_EQ(emitted.plan.tensors().quantization_size(), 1);
  EXPECT_EQ(emitted.plan.tensors().quantization(0).tensor(), 0U);
  EXPECT_EQ(emitted.plan.tensors().quantization(0).per_channel().scales(), 1U);
  EXPECT_EQ(emitted.plan.tensors().quantization(0).per_channel().zero_points(), 2U);
}

Emitted EmitCheckpoint(const Checkpoint& checkpoint, std::string_view input = "") {
  const Fd file = fixtures::MemoryFile(input);
  fixtures::MemoryGraph graph;
  const Emitted emitted = EmitTo(graph, checkpoint, formats::Input(file.get(), input.size()));
  EXPECT_TRUE(emitted.taken);
  return emitted;
}

template <typename Column>
std::vector<uint32_t> All(const Column& column) {
  return {column.begin(), column.end()};
}

TEST(Emit, TensorsBehindOtherNodesComeToo) {
  using K = pickle::Kind;
  Checkpoint checkpoint;
  pickle::Graph& graph = checkpoint.context.graph;
  AddVector(checkpoint, tensors::DType::kInt8);  // nobody's
  const auto tensor = [&] { return graph.Tensor(AddVector(checkpoint, tensors::DType::kInt64)); };
  const pickle::NodeId size = graph.Container(K::kSize, {});
  const pickle::NodeId sparse_parts[] = {tensor(), graph.None(), tensor(), size};
  const pickle::NodeId sparse = graph.Compound(K::kSparseTensor, 17, sparse_parts);
  const pickle::NodeId meta_parts[] = {graph.Text(K::kDType, "float32"), size, graph.Container(K::kTuple, {})};
  const pickle::NodeId nested_parts[] = {sparse_parts[2], tensor(), tensor(), tensor()};
  const pickle::NodeId stream_parts[] = {graph.Text(K::kBytes, "x"), tensor()};
  const pickle::NodeId attributed_parts[] = {sparse, graph.Bool(true)};
  const pickle::NodeId scalar_parts[] = {graph.Text(K::kNumpyDType, "<i8"), graph.Int(-1)};
  const pickle::NodeId list[] = {graph.Compound(K::kAttributed, 0, attributed_parts),
                                 graph.Compound(K::kMetaTensor, 2, meta_parts),
                                 graph.Compound(K::kNestedTensor, 0, nested_parts),
                                 graph.Compound(K::kStream, 0, stream_parts),
                                 graph.Array(AddVector(checkpoint, tensors::DType::kFloat64)),
                                 graph.Compound(K::kScalar, 0, scalar_parts)};
  checkpoint.root = graph.Container(K::kList, list);
  const Emitted out = EmitCheckpoint(checkpoint);
  EXPECT_EQ(out.kinds, Kinds({K::kList,         K::kNone,   K::kTrue,       K::kSize,   K::kTensor,     K::kTensor,
                              K::kSparseTensor, K::kDType,  K::kTuple,      K::kTensor, K::kTensor,     K::kTensor,
                              K::kBytes,        K::kTensor, K::kNumpyDType, K::kInt,    K::kAttributed, K::kMetaTensor,
                              K::kNestedTensor, K::kStream, K::kArray,      K::kScalar}));
  const auto& columns = out.plan.graph();
  EXPECT_EQ(All(columns.counts()), (std::vector<uint32_t>{6, 0, 17, 7, 0, 1, 3, 2}));
  EXPECT_EQ(All(columns.links()), (std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(All(columns.refs()), (std::vector<uint32_t>{16, 17, 18, 19, 20, 21,  // the list
                                                        4,  1,  5,  3,           // sparse
                                                        6,  2,                   // attributed
                                                        7,  3,  8,               // meta
                                                        5,  9,  10, 11,          // nested
                                                        12, 13,                  // stream
                                                        14, 15}));
  EXPECT_EQ(out.blob, "float32x<i8");
  EXPECT_EQ(out.plan.tensors().dtype_size(), 7);
  EXPECT_EQ(out.plan.storages().place_size(), 7);
}

TEST(Emit, ARecordsStateDictComesLast) {
  using K = pickle::Kind;
  Checkpoint checkpoint;
  pickle::Graph& graph = checkpoint.context.graph;
  const pickle::NodeId pair[] = {graph.Int(1), graph.Int(2)};
  checkpoint.root = graph.Record({.callee = graph.None(),
                                  .state = graph.Bool(true),
                                  .pairs = graph.Container(K::kDict, {}),
                                  .recovered = graph.Container(K::kDict, pair)});
  const Emitted out = EmitCheckpoint(checkpoint);
  EXPECT_EQ(out.kinds, Kinds({K::kRecord, K::kNone, K::kTrue, K::kInt, K::kInt, K::kDict, K::kDict}));
  EXPECT_EQ(out.plan.graph().counts(0), 4U | 16U | 128U);
  EXPECT_EQ(All(out.plan.graph().refs()), (std::vector<uint32_t>{1, 2, 5, 6, 3, 4}));
}

// What SETITEMS set on a Counter is a dict as any other; on what is not known nobody can say what it is.
TEST(Emit, PairsOfKnownClassesAreDistinct) {
  for (const auto& [module, name, pairs] : {std::tuple("collections", "OrderedDict", 1U), std::tuple("m", "C", 2U)}) {
    Checkpoint checkpoint;
    pickle::Graph& graph = checkpoint.context.graph;
    const auto symbol = checkpoint.context.symbols.Use(module, name, 0, 0);
    ASSERT_TRUE(symbol.ok());
    const pickle::NodeId twice[] = {graph.Int(1), graph.Int(2), graph.Int(1), graph.Int(3)};
    checkpoint.root =
        graph.Record({.callee = graph.Symbol(*symbol), .pairs = graph.Container(pickle::Kind::kDict, twice)});
    EXPECT_EQ(EmitCheckpoint(checkpoint).plan.graph().counts(1), pairs) << name;
  }
}

TEST(Emit, BytesOfTheInputAreReadWhenTheyGoOut) {
  using K = pickle::Kind;
  std::string input(300000, 'x');
  for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<char>(i * 7);
  Checkpoint checkpoint;
  pickle::Graph& graph = checkpoint.context.graph;
  const pickle::NodeId list[] = {graph.Text(K::kString, "a"), graph.BytesAt(K::kBytes, 10, 200000),
                                 graph.BytesAt(K::kByteArray, 299999, 1), graph.BytesAt(K::kBytes, 5, 0),
                                 graph.Text(K::kString, "z")};
  checkpoint.root = graph.Container(K::kList, list);
  const Emitted out = EmitCheckpoint(checkpoint, input);
  EXPECT_EQ(out.done.reason(), 0U);
  EXPECT_EQ(out.kinds, Kinds({K::kList, K::kString, K::kBytes, K::kByteArray, K::kBytes, K::kString}));
  EXPECT_EQ(All(out.plan.graph().counts()), (std::vector<uint32_t>{5, 1, 200000, 1, 0, 1}));
  EXPECT_EQ(out.blob, std::string("a").append(input, 10, 200000).append(input, 299999).append("z"));
}

TEST(Emit, BytesOfTheInputAreStringBytesWhenTheyGoOut) {
  Checkpoint checkpoint;
  checkpoint.context.limits.string_bytes = 1000;
  pickle::Graph& graph = checkpoint.context.graph;
  graph.BytesAt(pickle::Kind::kBytes, 0, 100000);  // which nothing refers to
  const pickle::NodeId list[] = {graph.Text(pickle::Kind::kBytes, "abc"), graph.BytesAt(pickle::Kind::kBytes, 0, 997)};
  checkpoint.root = graph.Container(pickle::Kind::kList, list);
  EXPECT_EQ(EmitCheckpoint(checkpoint, std::string(1000, 'x')).done.reason(), 0U);
  graph.Append(checkpoint.root, std::array{graph.BytesAt(pickle::Kind::kBytes, 997, 1)});
  EXPECT_EQ(EmitCheckpoint(checkpoint, std::string(1000, 'x')).done.limit_name(), "string_bytes");
}

TEST(Emit, StreamsInsideTheFileAreListedInTheLastFrame) {
  Checkpoint checkpoint;
  checkpoint.root = checkpoint.context.graph.None();
  checkpoint.nested = {{.where = "a\x1b.b", .format = formats::Format::kPickle, .level = 2}};
  // As many as there can be, of names as long as they can be.
  checkpoint.nested.resize(200, {.where = std::string(5000, '\xFF'), .format = formats::Format::kTorchZip, .level = 3});
  const Emitted out = EmitCheckpoint(checkpoint);
  ASSERT_EQ(out.done.nested_size(), 200);
  EXPECT_EQ(out.done.nested(0).where(), "a\\x1b.b");
  EXPECT_EQ(out.done.nested(0).format(), ::airlock::v1::FORMAT_PICKLE);
  EXPECT_EQ(out.done.nested(0).level(), 2U);
}

TEST(Emit, AnInputThatWasCutMeanwhileIsNoPlan) {
  Checkpoint checkpoint;
  checkpoint.root = checkpoint.context.graph.BytesAt(pickle::Kind::kBytes, 0, 200000);
  const Fd file = fixtures::MemoryFile(std::string(100000, 'x'));
  fixtures::MemoryGraph graph;
  const Emitted out = EmitTo(graph, checkpoint, formats::Input(file.get(), 200000));
  EXPECT_TRUE(out.taken);
  EXPECT_EQ(out.done.reason(), static_cast<uint32_t>(Reason::kTruncated));
}

TEST(SafeText, IsUtf8AndBounded) {
  EXPECT_EQ(SafeText("plain \xC3\xA4", 100), "plain \xC3\xA4");
  EXPECT_EQ(SafeText(std::string("a\0\x1B\x7F", 4), 100), "a\\x00\\x1b\\x7f");
  EXPECT_EQ(SafeText("\xFF\xED\xA0\x80", 100), "\\xff\\xed\\xa0\\x80");
  EXPECT_EQ(SafeText(std::string(100, 'x'), 10), "xxxxxxx...");
  EXPECT_EQ(SafeText("\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", 7), "\xC3\xA4\xC3\xA4...");
}

}  // namespace
}  // namespace airlock::worker
