// Folders of torch.distributed.checkpoint: what .metadata says, the items beside it, and every way in which they can
// fail to fit together.
#include "sandbox/formats/dcp.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "tests/fixtures/dcp_writer.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/decoded_set.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

using fixtures::DcpChunkSpec;
using fixtures::DcpEntrySpec;
using fixtures::DcpItemSpec;
using fixtures::DcpSpec;
using fixtures::PickleAssembler;

constexpr char kData[] = "__0_0.distcp";

// torch.save of one float32 tensor that holds `first`, first + 1 ...
std::string TensorItem(const std::vector<int64_t>& shape, float first, std::vector<int64_t> stride = {},
                       bool requires_grad = false) {
  uint64_t numel = 1;
  for (const int64_t dim : shape) numel *= static_cast<uint64_t>(dim);
  fixtures::StorageSpec storage{.key = "0", .numel = numel};
  for (uint64_t i = 0; i < numel; ++i) {
    const float value = first + static_cast<float>(i);
    storage.bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  if (stride.empty()) {
    stride.assign(shape.size(), 1);
    for (size_t i = shape.size(); i-- > 1;) stride[i - 1] = stride[i] * shape[i];
  }
  PickleAssembler pickle;
  pickle.Proto(2);
  fixtures::PushTensor(pickle, {.storage = 0, .shape = shape, .stride = stride, .requires_grad = requires_grad},
                       {storage}, false);
  return fixtures::WriteZip(fixtures::TorchZipShape(pickle.Stop(), {storage}));
}

std::string ObjectItem(const std::string& pickle) { return fixtures::WriteZip(fixtures::TorchZipShape(pickle, {})); }

// A folder under construction.
struct Folder {
  DcpSpec spec;
  std::map<std::string, std::string> data;

  void Put(DcpItemSpec item, const std::string& bytes) {
    std::string& file = data[item.file];
    item.offset = static_cast<int64_t>(file.size());
    item.length = static_cast<int64_t>(bytes.size());
    file += bytes;
    spec.items.push_back(std::move(item));
  }
  void PutTensor(const std::string& name, const std::vector<int64_t>& shape, float first) {
    const std::vector<int64_t> zeros(shape.size(), 0);
    spec.entries.push_back({.name = name, .size = shape, .chunks = {{zeros, shape}}});
    Put({.name = name, .chunk = zeros}, TensorItem(shape, first));
  }
  void PutObject(const std::string& name, const std::string& pickle) {
    spec.entries.push_back({.name = name});
    Put({.name = name}, ObjectItem(pickle));
  }
  Files Write() const {
    Files files = {{".metadata", fixtures::WriteDcpMetadata(spec)}};
    for (const auto& [name, bytes] : data) files.emplace_back(name, bytes);
    return files;
  }
};

// `w` of 4 x 3 in two chunks of rows, in files of their own.
Folder Sharded() {
  Folder folder;
  folder.spec.entries.push_back({.name = "w", .size = {{4, 3}}, .chunks = {{{0, 0}, {1, 3}}, {{1, 0}, {3, 3}}}});
  folder.Put({.name = "w", .chunk = {{0, 0}}, .file = "__0_0.distcp"}, TensorItem({1, 3}, 0));
  folder.Put({.name = "w", .chunk = {{1, 0}}, .file = "__1_0.distcp"}, TensorItem({3, 3}, 3));
  return folder;
}

std::vector<float> Floats(const Decoded& decoded, const std::string& name) {
  const auto listed = ListTensors(decoded);
  const pickle::Graph& graph = decoded.checkpoint.context.graph;
  for (size_t i = 0; i + 1 < graph.children(decoded.checkpoint.root).size(); i += 2) {
    const auto children = graph.children(decoded.checkpoint.root);
    if (graph.text(children[i]) != name) continue;
    const std::string bytes = TensorBytes(decoded, graph.tensor(children[i + 1]));
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  return {};
}

TEST(Dcp, WholeTensorsAreSpansAndObjectsAreRead) {
  Folder folder;
  folder.PutTensor("a", {2, 3}, 10);
  folder.PutObject("step", PickleAssembler().Proto(2).Int(7).Stop());
  folder.PutTensor("s", {}, 5);
  for (const bool apart : {false, true}) {
    const Decoded decoded = DecodeFiles(folder.Write(), {}, {}, apart);
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_EQ(decoded.checkpoint.format, Format::kTorchDcp);
    EXPECT_TRUE(decoded.checkpoint.context.findings.empty()) << decoded.checkpoint.context.findings[0].message;
    EXPECT_EQ(Floats(decoded, "a"), (std::vector<float>{10, 11, 12, 13, 14, 15}));
    EXPECT_EQ(Floats(decoded, "s"), (std::vector<float>{5}));
    for (const tensors::Storage& storage : decoded.checkpoint.tables.storages()) {
      EXPECT_EQ(storage.place, tensors::Place::kInput);
    }
    const pickle::Graph& graph = decoded.checkpoint.context.graph;
    EXPECT_EQ(graph.integer(graph.children(decoded.checkpoint.root)[3]), 7);
  }
}

TEST(Dcp, ChunksAreOneTensorInTheOutput) {
  for (const bool apart : {false, true}) {
    const Decoded decoded = DecodeFiles(Sharded().Write(), {}, {}, apart);
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_EQ(Floats(decoded, "w"), (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
    const auto listed = ListTensors(decoded);
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].shape, (std::vector<uint64_t>{4, 3}));
    EXPECT_EQ(listed[0].stride, (std::vector<uint64_t>{3, 1}));
    EXPECT_EQ(decoded.checkpoint.tables.storages().back().place, tensors::Place::kOutput);
  }
  EXPECT_TRUE(DecodeFiles(Sharded().Write(), {}, {}, true, true).ok());
}

// As ranks do that have no row of a tensor.
TEST(Dcp, EmptyChunksMayBeWrittenOrNot) {
  for (const bool written : {false, true}) {
    Folder folder;
    folder.spec.entries.push_back({.name = "w", .size = {{1, 3}}, .chunks = {{{0, 0}, {1, 3}}, {{1, 0}, {0, 3}}}});
    folder.Put({.name = "w", .chunk = {{0, 0}}}, TensorItem({1, 3}, 0));
    if (written) folder.Put({.name = "w", .chunk = {{1, 0}}, .file = "__1_0.distcp"}, TensorItem({0, 3}, 0));
    const Decoded decoded = DecodeFiles(folder.Write());
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_TRUE(decoded.checkpoint.context.findings.empty());
    EXPECT_EQ(Floats(decoded, "w"), (std::vector<float>{0, 1, 2}));
  }
}

TEST(Dcp, NamesAreNestedAsTheyWere) {
  Folder folder;
  folder.PutTensor("model.w", {1}, 1);
  folder.PutTensor("opt.1.m", {1}, 2);
  folder.PutTensor("flat", {1}, 3);
  folder.spec.paths = {{"model.w", {{"model"}, {"w"}}}, {"opt.1.m", {{"opt"}, {.index = 1}, {"m"}}}};
  const Decoded decoded = DecodeFiles(folder.Write());
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const auto listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[0].name, "model.w");
  EXPECT_EQ(listed[1].name, "opt.1.m");
  EXPECT_EQ(listed[2].name, "flat");
  const pickle::Graph& graph = decoded.checkpoint.context.graph;
  const auto opt = graph.children(graph.children(decoded.checkpoint.root)[3]);
  ASSERT_EQ(opt.size(), 2U);
  EXPECT_TRUE(graph.is(opt[0], pickle::Kind::kNone));
}

TEST(Dcp, OneItemForTwoNamesIsOneTensor) {
  Folder folder;
  folder.PutTensor("a", {2}, 1);
  folder.spec.entries.push_back({.name = "b", .size = {{2}}, .chunks = {{{0}, {2}}}});
  DcpItemSpec again = folder.spec.items[0];
  again.name = "b";
  folder.spec.items.push_back(again);
  const Decoded decoded = DecodeFiles(folder.Write());
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const pickle::Graph& graph = decoded.checkpoint.context.graph;
  const auto children = graph.children(decoded.checkpoint.root);
  EXPECT_EQ(children[1], children[3]);
}

TEST(Dcp, WhatNobodyRefersToIsToldOf) {
  Folder stale = Sharded();
  stale.data["__2_0.distcp"] = TensorItem({1}, 1);
  EXPECT_TRUE(DecodeFiles(stale.Write()).HasFinding("set.unused-member"));
  Folder gap = Sharded();
  gap.data["__1_0.distcp"] += "and more";
  EXPECT_TRUE(DecodeFiles(gap.Write()).HasFinding("set.unused-member"));
  Folder item = Sharded();
  item.Put({.name = "nobody", .chunk = {{0}}}, TensorItem({1}, 1));
  EXPECT_TRUE(DecodeFiles(item.Write()).HasFinding("set.unused-member"));
  Files words = Sharded().Write();
  words.emplace_back("README.md", "# words");
  EXPECT_FALSE(DecodeFiles(words).HasFinding("set.unused-member"));
}

// Wherever it stands in .metadata or in an item.
TEST(Dcp, DangerIsSeen) {
  const std::string call = PickleAssembler().Global("os", "system").Text("id").Op("\x85R").Stop();
  const std::string opcodes = call.substr(0, call.size() - 1);
  Folder in_metadata = Sharded();
  in_metadata.spec.storage_meta = opcodes;
  Folder in_item = Sharded();
  in_item.PutObject("o", PickleAssembler().Proto(2).Op(opcodes).Stop());
  for (const Folder& folder : {in_metadata, in_item}) {
    EXPECT_TRUE(DecodeFiles(folder.Write()).HasFinding("pickle.dangerous-symbol"));
  }
  // Not metadata at all.
  const Decoded bare = DecodeFiles({{".metadata", PickleAssembler().Proto(4).Op(opcodes).Stop()}});
  EXPECT_EQ(bare.reason(), Reason::kSetMalformed);
  EXPECT_TRUE(bare.HasFinding("pickle.dangerous-symbol"));
  // Streams in byte strings of .metadata are looked for, though nothing of it goes out.
  Folder hidden = Sharded();
  const std::string stream = PickleAssembler().Proto(2).Op(opcodes).Stop();
  hidden.spec.storage_meta = "B" + std::string(1, static_cast<char>(stream.size())) + std::string(3, '\0') + stream;
  EXPECT_TRUE(DecodeFiles(hidden.Write()).HasFinding("pickle.dangerous-symbol"));
}

struct Rule {
  const char* name;
  Reason reason;
  void (*spoil)(Folder& folder);
};

const Rule kRules[] = {
    {"Hole", Reason::kSetMalformed,
     [](Folder& f) {
       f.spec.entries[0].size = {{5, 3}};
     }},
    {"Overlap", Reason::kSetMalformed, [](Folder& f) { f.spec.entries[0].chunks[1] = f.spec.entries[0].chunks[0]; }},
    {"OverlapInPart", Reason::kSetMalformed,
     [](Folder& f) {
       f.spec.entries[0].chunks[1].offsets = {0, 0};
     }},
    {"Outside", Reason::kSetMalformed,
     [](Folder& f) {
       f.spec.entries[0].chunks[1].offsets = {2, 0};
     }},
    {"OffsetOverflows", Reason::kSetMalformed,
     [](Folder& f) {
       f.spec.entries[0].chunks[1].offsets = {INT64_MAX, 0};
     }},
    {"NegativeOffset", Reason::kSetMalformed,
     [](Folder& f) {
       f.spec.entries[0].chunks[1].offsets = {-1, 0};
     }},
    {"TooManyElements", Reason::kSetMalformed,
     [](Folder& f) {
       f.spec.entries[0].size = {{int64_t{1} << 62, int64_t{1} << 62}};
     }},
    {"OtherRank", Reason::kSetMalformed, [](Folder& f) { f.spec.entries[0].chunks[1].sizes = {3}; }},
    {"NoChunks", Reason::kSetMalformed, [](Folder& f) { f.spec.entries[0].chunks.clear(); }},
    {"OtherType", Reason::kSetMalformed, [](Folder& f) { f.spec.entries[0].dtype = "int32"; }},
    {"OtherSize", Reason::kSetMalformed,
     [](Folder& f) {
       f.spec.entries[0].chunks[0].sizes = {3, 3};
       f.spec.entries[0].chunks[1] = {{3, 0}, {1, 3}};
       f.spec.items[1].chunk = {{3, 0}};
     }},
    {"NoPlace", Reason::kSetMalformed, [](Folder& f) { f.spec.items.pop_back(); }},
    {"PlaceTwice", Reason::kSetAmbiguous, [](Folder& f) { f.spec.items.push_back(f.spec.items[0]); }},
    {"NameTwice", Reason::kSetAmbiguous, [](Folder& f) { f.spec.entries.push_back(f.spec.entries[0]); }},
    {"MissingFile", Reason::kSetMalformed, [](Folder& f) { f.spec.items[1].file = "__9_0.distcp"; }},
    {"FileAbove", Reason::kNameLeavesFolder, [](Folder& f) { f.spec.items[1].file = "../__1_0.distcp"; }},
    {"AbsoluteFile", Reason::kNameLeavesFolder, [](Folder& f) { f.spec.items[1].file = "/etc/passwd"; }},
    {"PastTheEnd", Reason::kSetMalformed, [](Folder& f) { f.spec.items[1].length += 1; }},
    {"OffsetPastTheEnd", Reason::kSetMalformed, [](Folder& f) { f.spec.items[1].offset = int64_t{1} << 40; }},
    {"EndOverflows", Reason::kSetMalformed, [](Folder& f) { f.spec.items[1].length = INT64_MAX; }},
    {"NegativeLength", Reason::kSetMalformed, [](Folder& f) { f.spec.items[1].length = -1; }},
    {"ItemsOverlap", Reason::kSetMalformed,
     [](Folder& f) {
       DcpItemSpec item = f.spec.items[0];
       item.name = "other";
       item.length -= 1;
       f.spec.items.push_back(item);
     }},
    {"Transformed", Reason::kUnsupportedFeature, [](Folder& f) { f.spec.items[1].transformed = true; }},
    {"ItemOfAnotherKind", Reason::kSetMalformed,
     [](Folder& f) {
       f.data["__1_0.distcp"] = ObjectItem(PickleAssembler().Proto(2).Int(1).Stop());
       f.spec.items[1].length = static_cast<int64_t>(f.data["__1_0.distcp"].size());
     }},
    {"ItemThatIsNoArchive", Reason::kUnsupportedFeature,
     [](Folder& f) {
       f.data["__1_0.distcp"] = PickleAssembler().Proto(2).Int(1).Stop();
       f.spec.items[1].length = static_cast<int64_t>(f.data["__1_0.distcp"].size());
     }},
    {"ChunkNotInOrder", Reason::kUnsupportedFeature,
     [](Folder& f) {
       f.data["__1_0.distcp"] = TensorItem({3, 3}, 3, {1, 3});
       f.spec.items[1].length = static_cast<int64_t>(f.data["__1_0.distcp"].size());
     }},
    {"PathsContradict", Reason::kSetMalformed,
     [](Folder& f) {
       f.PutTensor("v", {1}, 1);
       f.spec.paths = {{"v", {{"w"}, {"v"}}}};
     }},
    {"ListAndDict", Reason::kSetMalformed,
     [](Folder& f) {
       f.PutTensor("v", {1}, 1);
       f.spec.paths = {{"w", {{"a"}, {"w"}}}, {"v", {{"a"}, {.index = 0}}}};
     }},
    {"ListForARoot", Reason::kSetMalformed,
     [](Folder& f) {
       f.spec.paths = {{"w", {{.index = 0}}}};
     }},
};

class DcpRule : public testing::TestWithParam<Rule> {};

TEST_P(DcpRule, EndsAsItShould) {
  Folder folder = Sharded();
  GetParam().spoil(folder);
  const Decoded decoded = DecodeFiles(folder.Write());
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
}

INSTANTIATE_TEST_SUITE_P(Rules, DcpRule, testing::ValuesIn(kRules), [](const auto& row) { return row.param.name; });

TEST(Dcp, ATransposedTensorOfOneChunkIsReadAsItStands) {
  Folder folder;
  folder.spec.entries.push_back({.name = "t", .size = {{2, 3}}, .chunks = {{{0, 0}, {2, 3}}}});
  folder.Put({.name = "t", .chunk = {{0, 0}}}, TensorItem({2, 3}, 0, {1, 2}, true));
  const Decoded decoded = DecodeFiles(folder.Write());
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(Floats(decoded, "t"), (std::vector<float>{0, 2, 4, 1, 3, 5}));
  EXPECT_FALSE(ListTensors(decoded)[0].requires_grad);
}

TEST(Dcp, AListOfBillionsIsALimit) {
  Folder folder = Sharded();
  folder.spec.paths = {{"w", {{"l"}, {.index = int64_t{1} << 40}}}};
  Limits limits;
  limits.nodes = 100'000;
  const Decoded decoded = DecodeFiles(folder.Write(), {}, limits);
  ASSERT_EQ(decoded.reason(), Reason::kLimitExceeded);
  EXPECT_STREQ(decoded.result.error().limit->name, "nodes");
}

// Of a tensor that is larger than the output of these tests, 16 MiB.
TEST(Dcp, TheOutputLimitHolds) {
  constexpr int64_t kRow = 2'200'000;
  Folder folder;
  folder.spec.entries.push_back(
      {.name = "e", .size = {{2, kRow}}, .chunks = {{{0, 0}, {1, kRow}}, {{1, 0}, {1, kRow}}}});
  folder.Put({.name = "e", .chunk = {{0, 0}}}, TensorItem({1, kRow}, 0));
  folder.Put({.name = "e", .chunk = {{1, 0}}}, TensorItem({1, kRow}, 0));
  const Decoded decoded = DecodeFiles(folder.Write());
  ASSERT_EQ(decoded.reason(), Reason::kLimitExceeded);
  EXPECT_STREQ(decoded.result.error().limit->name, "output_bytes");
}

}  // namespace
}  // namespace airlock::formats
