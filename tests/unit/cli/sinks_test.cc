// What `load --digests` and `convert` make of a stream, wherever its pieces are cut.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "client/cli/state/new_folder.h"
#include "client/cli/weights/digest_sink.h"
#include "client/cli/weights/safetensors_sink.h"
#include "tests/unit/client/plan_maker.h"

namespace airlock::cli {
namespace {

using airlock::testing::PlanMaker;

constexpr std::string_view kBytes = "abcdefghijklmnopABCDEFGH";

// Two storages. A flat mapping: "c" contiguous, "t" transposed, "s" a second name of c, "z" without dimensions, "e"
// empty.
PlanMaker Sample() {
  PlanMaker maker;
  maker.Dict({1, 2, 3, 4, 5, 2, 6, 7, 8, 9});
  maker.String("c");
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.String("t");
  maker.Link(v1::NODE_KIND_TENSOR, 1);
  maker.String("s");
  maker.String("z");
  maker.Link(v1::NODE_KIND_TENSOR, 2);
  maker.String("e");
  maker.Link(v1::NODE_KIND_TENSOR, 3);
  const uint32_t first = maker.Storage(16);
  const uint32_t second = maker.Storage(8);
  maker.Tensor(first, v1::DTYPE_UINT8, {8}, {1}, 4);
  maker.Tensor(first, v1::DTYPE_INT16, {2, 4}, {1, 2});
  maker.Tensor(second, v1::DTYPE_FLOAT64, {}, {});
  maker.Tensor(second, v1::DTYPE_FLOAT32, {0, 3}, {3, 1});
  const char* names[] = {"c", "t", "s", "z", "e"};
  const uint32_t tensors[] = {0, 1, 0, 2, 3};
  for (int i = 0; i < 5; ++i) maker.Entry(names[i], tensors[i]);
  return maker;
}

// Plays the stream in pieces of `piece` bytes.
ClientResult<void> Play(const PlanMaker& maker, StorageSink& sink, size_t piece) {
  AIRLOCK_ASSIGN(const auto contents, maker.Make());
  AIRLOCK_TRY(sink.Plan(contents));
  size_t start = 0;
  for (uint32_t i = 0; i < contents->storage_count(); ++i) {
    const uint64_t size = contents->storage(i).bytes;
    for (uint64_t at = 0; at < size; at += piece) {
      AIRLOCK_TRY(sink.Data(i, at, kBytes.substr(start + at, std::min<uint64_t>(piece, size - at))));
    }
    AIRLOCK_TRY(sink.End(i));
    start += size;
  }
  return {};
}

std::string HexOf(std::string_view bytes) {
  Sha256 sha;
  sha.Update(bytes);
  return sha.Hex();
}

TEST(Sha256, IsSha256) { EXPECT_EQ(HexOf("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); }

TEST(DigestSink, DigestsElementsNotStorages) {
  for (size_t piece : {1, 3, 16, 100}) {
    DigestSink sink;
    ASSERT_TRUE(Play(Sample(), sink, piece).ok());
    ASSERT_EQ(sink.digests().size(), 4U);
    EXPECT_EQ(sink.digests()[0], HexOf("efghijkl"));
    EXPECT_EQ(sink.digests()[1], HexOf("abefijmncdghklop"));
    EXPECT_EQ(sink.digests()[2], HexOf("ABCDEFGH"));
    EXPECT_EQ(sink.digests()[3], HexOf(""));
  }
}

TEST(DigestSink, ExpansionIsBounded) {
  PlanMaker maker;
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.Tensor(maker.Storage(1), v1::DTYPE_UINT8, {uint64_t{1} << 60}, {0});
  maker.Entry("", 0);
  DigestSink sink;
  const auto played = Play(maker, sink, 1);
  ASSERT_FALSE(played.ok());
  EXPECT_EQ(played.error().exit_code, 2);
}

class SafetensorsSinkTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(mkdtemp(directory_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string Destination() const { return directory_ + "/out.safetensors"; }
  size_t Files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(directory_), {}));
  }
  std::string directory_ = "/tmp/airlock-test-XXXXXX";
};

TEST_F(SafetensorsSinkTest, WritesWhatTheFormatAsksFor) {
  for (size_t piece : {1, 5, 16}) {
    SafetensorsSink sink(Destination(), {});
    ASSERT_TRUE(Play(Sample(), sink, piece).ok());
    ASSERT_TRUE(sink.Commit().ok());
    EXPECT_EQ(sink.repeated(), 1U);
    std::ifstream file(Destination(), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    const std::string bytes = text.str();
    ASSERT_GT(bytes.size(), 8U);
    uint64_t length = 0;
    for (size_t i = 0; i < 8; ++i) length |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    EXPECT_EQ((8 + length) % 8, 0U);
    const auto header = nlohmann::json::parse(bytes.substr(8, length));
    auto data = [&](const char* name) {
      const auto& offsets = header[name]["data_offsets"];
      return bytes.substr(8 + length + offsets[0].get<size_t>(), offsets[1].get<size_t>() - offsets[0].get<size_t>());
    };
    EXPECT_EQ(data("c"), "efghijkl");
    EXPECT_EQ(data("s"), "efghijkl");
    EXPECT_EQ(data("t"), "abefijmncdghklop");
    EXPECT_EQ(data("z"), "ABCDEFGH");
    EXPECT_EQ(data("e"), "");
    EXPECT_EQ(header["t"]["dtype"], "I16");
    EXPECT_EQ(header["z"]["shape"], nlohmann::json::array());
    EXPECT_EQ(header["e"]["shape"], (nlohmann::json{0, 3}));
    // Contiguous and covering, and aligned to the elements.
    EXPECT_EQ(bytes.size(), 8 + length + 8 + 16 + 8 + 8);
    EXPECT_EQ(header["z"]["data_offsets"][0].get<size_t>() % 8, 0U);
    EXPECT_EQ(header["t"]["data_offsets"][0].get<size_t>() % 2, 0U);
  }
  EXPECT_EQ(Files(), 1U);
}

TEST_F(SafetensorsSinkTest, LeavesNothingBehindWithoutACommit) {
  std::ofstream(Destination()) << "before";
  {
    SafetensorsSink sink(Destination(), {});
    ASSERT_TRUE(Play(Sample(), sink, 5).ok());
    EXPECT_EQ(Files(), 2U);
  }
  EXPECT_EQ(Files(), 1U);
  std::string content;
  std::ifstream(Destination()) >> content;
  EXPECT_EQ(content, "before");
}

TEST_F(SafetensorsSinkTest, RefusesWhatTheFormatCannotHold) {
  for (v1::DType dtype : {v1::DTYPE_QINT8, v1::DTYPE_COMPLEX64}) {
    PlanMaker maker;
    maker.Dict({1, 2});
    maker.String("w");
    maker.Link(v1::NODE_KIND_TENSOR, 0);
    maker.Tensor(maker.Storage(8), dtype, {1}, {1});
    SafetensorsSink sink(Destination(), {});
    const auto played = Play(maker, sink, 8);
    ASSERT_FALSE(played.ok());
    EXPECT_EQ(played.error().exit_code, 2);
  }
  EXPECT_EQ(Files(), 0U);
}

TEST_F(SafetensorsSinkTest, NewFilesKeepWhatIsThere) {
  for (const bool link : {false, true}) {
    std::filesystem::remove(Destination());
    if (link) {
      std::filesystem::create_symlink("nowhere", Destination());
    } else {
      std::ofstream(Destination()) << "before";
    }
    {
      auto file = NewFile::Create(Destination());
      ASSERT_TRUE(file.ok());
      EXPECT_FALSE(file->Commit(NewFile::Existing::kKeep).ok());
    }
    EXPECT_EQ(std::filesystem::is_symlink(Destination()), link);
    EXPECT_EQ(Files(), 1U);
  }
  auto file = NewFile::Create(Destination());
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(file->Commit(NewFile::Existing::kReplace).ok());
  EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(Destination())));
}

TEST_F(SafetensorsSinkTest, NewFoldersGoAgainUnlessTheyAreKept) {
  const std::string deep = directory_ + "/a/b/c/";
  { ASSERT_TRUE(NewFolder::Create(deep).ok()); }
  EXPECT_EQ(Files(), 0U);
  {
    const auto folder = NewFolder::Create(deep);
    ASSERT_TRUE(folder.ok());
    std::ofstream(directory_ + "/a/mine") << "somebody's";
  }
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/a/b"));
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/a/mine"));
  EXPECT_FALSE(NewFolder::Create(directory_ + "/a/mine/b").ok());
  {
    auto folder = NewFolder::Create(deep);
    ASSERT_TRUE(folder.ok());
    folder->Keep();
  }
  EXPECT_TRUE(std::filesystem::is_directory(deep));
}

TEST(Weights, AutoFollowsTheOrderAndElseNamesCandidates) {
  auto nested = [](const char* first, const char* second) {
    PlanMaker maker;
    maker.Dict({1, 2, 3, 4, 7, 7});
    maker.String(first);
    maker.Dict({5, 6});
    maker.String(second);
    maker.Dict({5, 6});
    maker.String("w");
    maker.Link(v1::NODE_KIND_TENSOR, 0);
    maker.Int(1);
    maker.Tensor(maker.Storage(4), v1::DTYPE_FLOAT32, {1}, {1});
    maker.Entry(std::string(first) + ".w", 0);
    maker.Entry(std::string(second) + ".w", 0);
    return *maker.Make();
  };
  EXPECT_EQ(ChooseWeights(*nested("model", "state_dict"), "auto")->key, "state_dict");
  EXPECT_EQ(ChooseWeights(*nested("model", "model_ema"), "auto")->key, "model_ema");
  const auto named = ChooseWeights(*nested("x.y", "b"), "x.y");
  ASSERT_TRUE(named.ok());
  EXPECT_EQ(named->tensors[0].name, "w");
  const auto unclear = ChooseWeights(*nested("a", "b"), "auto");
  ASSERT_FALSE(unclear.ok());
  EXPECT_EQ(unclear.error().exit_code, 2);
  EXPECT_NE(unclear.error().message.find("a, b"), std::string::npos);
}

// {"model": a module of which {"w": tensor 0} was recovered}, or the module alone.
PlanMaker Module(bool alone) {
  PlanMaker maker;
  const uint32_t first = alone ? 0 : 2;
  if (!alone) {
    maker.Dict({1, 2});
    maker.String("model");
  }
  maker.RecordOf(v1::RECORD_PART_STATE | v1::RECORD_PART_RECOVERED, {first + 1, first + 1, first + 2});
  maker.Leaf(v1::NODE_KIND_NONE);
  maker.OrderedDict(first + 1, {first + 3, first + 4});
  maker.String("w");
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.Tensor(maker.Storage(8), v1::DTYPE_FLOAT64, {}, {});
  return maker;
}

TEST(Weights, OfAModuleAreWhatWasRecovered) {
  for (const bool alone : {false, true}) {
    const auto contents = Module(alone).Make();
    ASSERT_TRUE(contents.ok()) << contents.error().message;
    const std::string path = alone ? "state_dict()" : "model.state_dict()";
    for (const std::string& key : {std::string("auto"), path, std::string(alone ? "" : "model")}) {
      const auto weights = ChooseWeights(**contents, key);
      ASSERT_TRUE(weights.ok()) << key << ": " << weights.error().message;
      ASSERT_EQ(weights->tensors.size(), 1U) << key;
      EXPECT_EQ(weights->tensors[0].name, "w") << key;
      EXPECT_EQ(weights->key, path) << key;
    }
    EXPECT_FALSE(ChooseWeights(**contents, path + "x").ok());
  }
}

TEST(Weights, WithoutDataCannotBeWritten) {
  PlanMaker maker;
  maker.Dict({1, 2});
  maker.String("model");
  maker.Dict({1, 3});
  maker.Counted(v1::NODE_KIND_META_TENSOR, 0, {4, 5, 6});
  maker.Text(v1::NODE_KIND_DTYPE, "float32");
  maker.Items(v1::NODE_KIND_SIZE, {});
  maker.Items(v1::NODE_KIND_TUPLE, {});
  const auto weights = ChooseWeights(**maker.Make(), "auto");
  ASSERT_FALSE(weights.ok());
  EXPECT_NE(weights.error().message.find("has no data"), std::string::npos);
}

}  // namespace
}  // namespace airlock::cli
