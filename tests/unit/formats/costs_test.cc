// What large files cost: no more than in proportion to what they hold.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sandbox/worker/emit.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/allocated.h"
#include "tests/unit/formats/decoded.h"

namespace airlock::formats {
namespace {

using fixtures::PickleAssembler;

uint64_t CostOfDecoding(const std::string& file) {
  return BytesAllocatedBy([&file] {
    const Decoded decoded = DecodeBytes(file);
    EXPECT_TRUE(decoded.ok()) << decoded.message();
  });
}

// Of a list of so many symbols and so many streams, each of which names a symbol.
uint64_t CostOfStreams(int symbols, int streams) {
  const std::string stream = PickleAssembler().Proto(2).Global("project", "name7").Stop();
  PickleAssembler pickle;
  pickle.Proto(2).Op("(");
  for (int i = 0; i < symbols; ++i) pickle.Global("project", "name" + std::to_string(i));
  for (int i = 0; i < streams; ++i) pickle.Op("B").Little(static_cast<uint32_t>(stream.size())).Op(stream);
  return CostOfDecoding(fixtures::WriteZip(fixtures::TorchZipShape(pickle.Op("l").Stop(), {})));
}

// A stream remembers the symbols that it names, and has no table of all: many of both cost their sum, not their
// product. A bit for each symbol would be too much.
TEST(Costs, StreamsAndSymbolsCostTheirSum) {
  const uint64_t both = CostOfStreams(90'000, 20'000);
  EXPECT_LT(both, CostOfStreams(90'000, 0) + CostOfStreams(0, 20'000) + 90'000 / 8 * 20'000 / 10);
}

// Of what torch writes for so many tensors.
uint64_t CostOfTensors(int count) {
  const std::vector<fixtures::StorageSpec> storages = {fixtures::FloatStorage("0", 4)};
  std::vector<fixtures::TensorSpec> tensors;
  for (int i = 0; i < count; ++i) {
    tensors.push_back({.name = "weight_" + std::to_string(i), .storage = 0, .shape = {2, 2}, .stride = {2, 1}});
  }
  const std::string pickle = fixtures::PickleStateDict(tensors, storages, false);
  return CostOfDecoding(fixtures::WriteZip(fixtures::TorchZipShape(pickle, storages)));
}

TEST(Costs, TenTimesTheTensorsCostTenTimesAsMuch) { EXPECT_LT(CostOfTensors(100'000), 12 * CostOfTensors(10'000)); }

// So many tensors, and eight numbers for each.
void FillCheckpoint(int count, Checkpoint& checkpoint) {
  pickle::Graph& graph = checkpoint.context.graph;
  const uint32_t storage = checkpoint.tables.AddStorage({.device = checkpoint.tables.Device("cpu"), .nbytes = 4});
  const uint64_t shape[] = {1, 1};
  std::vector<pickle::NodeId> pairs;
  for (int i = 0; i < count; ++i) {
    pairs.push_back(graph.Text(pickle::Kind::kString, "layer." + std::to_string(i) + ".weight"));
    pairs.push_back(graph.Tensor(checkpoint.tables.AddTensor({.storage = storage,
                                                              .dtype = tensors::DType::kFloat32,
                                                              .flags = 0,
                                                              .offset = 0,
                                                              .shape = shape,
                                                              .stride = shape})));
  }
  std::vector<pickle::NodeId> numbers;
  for (int i = 0; i < 8 * count; ++i) numbers.push_back(graph.Int(i));
  pairs.push_back(graph.Text(pickle::Kind::kString, "numbers"));
  pairs.push_back(graph.Container(pickle::Kind::kList, numbers));
  checkpoint.root = graph.Container(pickle::Kind::kDict, pairs);
}

struct Emitted {
  uint64_t cost = 0;
  size_t bytes = 0;
  size_t writes = 0;
};

class FrameCounter final : public worker::FrameSink {
 public:
  explicit FrameCounter(Emitted& emitted) : emitted_(emitted) {}
  bool Write(std::span<char> framed) override {
    emitted_.bytes += framed.size() - worker::kFramePrefix;
    ++emitted_.writes;
    return true;
  }

 private:
  Emitted& emitted_;
};

class ColumnCounter final : public worker::GraphSink {
 public:
  explicit ColumnCounter(Emitted& emitted) : GraphSink(kMaxGraphRoom), emitted_(emitted) {}
  bool Write(size_t /*column*/, uint64_t /*offset*/, std::string_view bytes) override {
    emitted_.bytes += bytes.size();
    ++emitted_.writes;
    return true;
  }

 private:
  Emitted& emitted_;
};

Emitted EmitNodes(int count) {
  Checkpoint checkpoint;
  FillCheckpoint(count, checkpoint);
  Emitted emitted;
  FrameCounter frames(emitted);
  ColumnCounter graph(emitted);
  emitted.cost = BytesAllocatedBy([&] {
    EXPECT_TRUE(worker::Emit(checkpoint, Input(-1, 0), Result<void>(), {frames, graph}));
  });
  return emitted;
}

TEST(Costs, AMillionNodesGoOutInProportion) {
  const Emitted tenth = EmitNodes(10'000);
  const Emitted all = EmitNodes(100'000);
  EXPECT_LT(all.cost, 12 * tenth.cost);
  EXPECT_LT(all.bytes, 12 * tenth.bytes);
  EXPECT_LT(all.writes, 12 * tenth.writes);
}

}  // namespace
}  // namespace airlock::formats
