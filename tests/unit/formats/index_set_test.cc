// Sharded checkpoints: an index and its shards, and every way in which they can fail to fit together.
#include "sandbox/formats/index_set.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/decoded_set.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

using fixtures::FloatStorage;
using fixtures::PickleAssembler;
using fixtures::WriteZip;

constexpr char kIndex[] = "model.safetensors.index.json";

// A shard of one-byte tensors, each of which holds the last letter of its name.
std::string Safetensors(const std::vector<std::string>& names) {
  std::string header = R"({"__metadata__":{"format":"pt"})";
  std::string data;
  for (const std::string& name : names) {
    const std::string begin = std::to_string(data.size());
    data += name.back();
    header += ",\"" + name + R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" + begin + "," +
              std::to_string(data.size()) + "]}";
  }
  header += "}";
  const uint64_t length = header.size();
  char raw[8];
  std::memcpy(raw, &length, sizeof(raw));
  return std::string(raw, sizeof(raw)) + header + data;
}

std::string TorchShard(const std::vector<std::string>& names) {
  std::vector<fixtures::StorageSpec> storages;
  std::vector<fixtures::TensorSpec> tensors;
  for (const std::string& name : names) {
    tensors.push_back({.name = name, .storage = storages.size(), .shape = {2}, .stride = {1}});
    storages.push_back(FloatStorage(std::to_string(storages.size()), 2));
  }
  return WriteZip(fixtures::TorchZipShape(fixtures::PickleStateDict(tensors, storages, false), storages));
}

std::string IndexOf(const std::vector<std::pair<std::string, std::string>>& map,
                    const std::string& metadata = R"({"total_size":3})") {
  std::string text = R"({"metadata":)" + metadata + R"(,"weight_map":{)";
  for (const auto& [tensor, file] : map) {
    if (text.back() != '{') text += ",";
    text += "\"" + tensor + "\":\"" + file + "\"";
  }
  return text + "}}\n";
}

Files TwoShards() {
  return {{"README.md", "# words"},
          {"a-1.safetensors", Safetensors({"x", "y"})},
          {"a-2.safetensors", Safetensors({"z"})},
          {kIndex, IndexOf({{"z", "a-2.safetensors"}, {"x", "a-1.safetensors"}, {"y", "a-1.safetensors"}})}};
}

TEST(IndexSet, TensorsComeInTheOrderOfTheMap) {
  for (const bool apart : {false, true}) {
    const Decoded decoded = DecodeFiles(TwoShards(), {}, {}, apart);
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_EQ(decoded.checkpoint.format, Format::kSharded);
    EXPECT_TRUE(decoded.checkpoint.context.findings.empty());
    const std::vector<ListedTensor> listed = ListTensors(decoded);
    ASSERT_EQ(listed.size(), 3U);
    EXPECT_EQ(listed[0].name + listed[1].name + listed[2].name, "zxy");
    const pickle::Graph& graph = decoded.checkpoint.context.graph;
    const auto children = graph.children(decoded.checkpoint.root);
    EXPECT_EQ(graph.text(children[0]), "__metadata__");
    EXPECT_EQ(graph.text(graph.children(children[1])[0]), "total_size");
    EXPECT_EQ(TensorBytes(decoded, graph.tensor(children[3])), "z");
    EXPECT_EQ(TensorBytes(decoded, graph.tensor(children[5])), "x");
  }
}

TEST(IndexSet, ShardsMayBeTorchFiles) {
  const Decoded decoded =
      DecodeFiles({{"p-1.bin", TorchShard({"a", "b"})},
                   {"p-2.bin", TorchShard({"c"})},
                   {"p.bin.index.json", IndexOf({{"a", "p-1.bin"}, {"c", "p-2.bin"}, {"b", "p-1.bin"}})}});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(ListTensors(decoded).size(), 3U);
  EXPECT_TRUE(decoded.checkpoint.context.findings.empty());
}

TEST(IndexSet, OfTwoIndicesThatOfSafetensorsCountsUnlessTheOtherIsNamed) {
  Files files = TwoShards();
  files.emplace_back("p.bin", TorchShard({"q"}));
  files.emplace_back("p.bin.index.json", IndexOf({{"q", "p.bin"}}));
  EXPECT_EQ(ListTensors(DecodeFiles(files)).size(), 3U);
  EXPECT_EQ(ListTensors(DecodeFiles(files, "p.bin.index.json")).size(), 1U);
  EXPECT_EQ(ListTensors(DecodeFiles(files, "a-1.safetensors")).size(), 2U);
}

TEST(IndexSet, AloneItAsksForItsFolder) {
  const Decoded decoded = DecodeBytes(IndexOf({{"z", "a-2.safetensors"}}));
  EXPECT_EQ(decoded.reason(), Reason::kNeedsFolder);
  EXPECT_EQ(DecodeBytes(R"({"model_type":"bert"})").reason(), Reason::kNotACheckpoint);
}

struct Rule {
  const char* name;
  Reason reason;
  std::string index;
  Files more = {};
};

class IndexRule : public testing::TestWithParam<Rule> {};

TEST_P(IndexRule, EndsAsItShould) {
  Files files = {
      {"1.safetensors", Safetensors({"x"})}, {"2.safetensors", Safetensors({"z"})}, {kIndex, GetParam().index}};
  files.insert(files.end(), GetParam().more.begin(), GetParam().more.end());
  const Decoded decoded = DecodeFiles(files);
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
}

std::string To(const std::string& file) { return IndexOf({{"x", file}}); }

const Rule kRules[] = {
    {"Up", Reason::kNameLeavesFolder, To("../1.safetensors")},
    {"Parent", Reason::kNameLeavesFolder, To("..")},
    {"Absolute", Reason::kNameLeavesFolder, To("/etc/passwd")},
    {"Below", Reason::kNameLeavesFolder, To("sub/1.safetensors")},
    {"Backslash", Reason::kNameLeavesFolder, To(R"(..\\1.safetensors)")},
    {"Drive", Reason::kNameLeavesFolder, To("C:1.safetensors")},
    {"Empty", Reason::kSetMalformed, To("")},
    {"Missing", Reason::kSetMalformed, To("3.safetensors")},
    {"WrongShard", Reason::kSetMalformed, To("2.safetensors")},
    {"NoSuchTensor", Reason::kSetMalformed, IndexOf({{"w", "1.safetensors"}})},
    {"NameTwice", Reason::kSetAmbiguous, IndexOf({{"x", "1.safetensors"}, {"x", "1.safetensors"}})},
    {"MapTwice", Reason::kSetAmbiguous, R"({"weight_map":{"x":"1.safetensors"},"weight_map":{}})"},
    {"InTwoShards",
     Reason::kSetAmbiguous,
     IndexOf({{"x", "1.safetensors"}, {"y", "3.safetensors"}}),
     {{"3.safetensors", Safetensors({"x", "y"})}}},
    {"MetadataAsTensor", Reason::kSetMalformed, IndexOf({{"__metadata__", "1.safetensors"}})},
    {"NumberForAFile", Reason::kSetMalformed, R"({"weight_map":{"x":1}})"},
    {"ListForAFile", Reason::kSetMalformed, R"({"weight_map":{"x":["1.safetensors"]}})"},
    {"ListForTheMap", Reason::kSetMalformed, R"({"weight_map":["x"]})"},
    {"CutOff", Reason::kSetMalformed, R"({"weight_map":{"x":"1.safetensors")"},
    {"NotUtf8", Reason::kSetMalformed, "{\"weight_map\":{\"x\":\"\xff\"}}"},
    {"Itself", Reason::kNeedsFolder, To(kIndex)},
    {"NoCheckpoint", Reason::kNotACheckpoint, To("words.txt"), {{"words.txt", "some words and nothing else"}}},
    {"Pickle", Reason::kUnsupportedFeature, To("p.pkl"), {{"p.pkl", PickleAssembler().Proto(2).EmptyDict().Stop()}}},
    {"NotADict",
     Reason::kSetMalformed,
     To("l.bin"),
     {{"l.bin", WriteZip(fixtures::TorchZipShape(PickleAssembler().Proto(2).Op("]").Stop(), {}))}}},
};

INSTANTIATE_TEST_SUITE_P(Rules, IndexRule, testing::ValuesIn(kRules), [](const auto& row) { return row.param.name; });

TEST(IndexSet, TensorsThatTheIndexHidesAreAWarning) {
  Files files = TwoShards();
  files[3].second = IndexOf({{"x", "a-1.safetensors"}, {"z", "a-2.safetensors"}});
  const Decoded decoded = DecodeFiles(files);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.HasFinding("set.unlisted-tensor"));
  EXPECT_EQ(ListTensors(decoded).size(), 2U);
}

// What a shard would run is seen whether the index lists it or not.
TEST(IndexSet, DangerInAShardIsSeen) {
  const std::string pickle = PickleAssembler()
                                 .Proto(2)
                                 .EmptyDict()
                                 .Mark()
                                 .Text("a")
                                 .Global("os", "system")
                                 .Text("id")
                                 .Op("\x85R")
                                 .SetItems()
                                 .Stop();
  const Decoded decoded = DecodeFiles({{"p.bin", WriteZip(fixtures::TorchZipShape(pickle, {}))},
                                       {kIndex, IndexOf({})},
                                       {"q.bin.index.json", IndexOf({{"a", "p.bin"}})}},
                                      "q.bin.index.json");
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.HasFinding("pickle.dangerous-symbol"));
}

TEST(IndexSet, LimitsHoldForAllShardsTogether) {
  Limits limits;
  limits.tensors = 3;
  EXPECT_TRUE(DecodeFiles(TwoShards(), {}, limits).ok());
  limits.tensors = 2;
  const Decoded decoded = DecodeFiles(TwoShards(), {}, limits);
  ASSERT_EQ(decoded.reason(), Reason::kLimitExceeded);
  EXPECT_STREQ(decoded.result.error().limit->name, "tensors");
}

TEST(IndexSet, DeepMetadataIsALimit) {
  const auto nested = [](size_t depth) {
    return IndexOf({{"x", "a-1.safetensors"}, {"y", "a-1.safetensors"}, {"z", "a-2.safetensors"}},
                   std::string(depth, '[') + std::string(depth, ']'));
  };
  Files files = TwoShards();
  files[3].second = nested(60);
  EXPECT_TRUE(DecodeFiles(files).ok());
  files[3].second = nested(100'000);
  EXPECT_EQ(DecodeFiles(files).reason(), Reason::kLimitExceeded);
}

}  // namespace
}  // namespace airlock::formats
