// Real files, and what torch says of them. The corpus is not part of the repository: AIRLOCK_CORPUS, or
// ../shared/corpus.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

std::filesystem::path Corpus() {
  if (const char* set = std::getenv("AIRLOCK_CORPUS"); set != nullptr) return set;
  return std::filesystem::path(AIRLOCK_SOURCE_DIR) / "../shared/corpus";
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Compare(const nlohmann::json& expected, const std::vector<ListedTensor>& listed) {
  ASSERT_EQ(expected.size(), listed.size());
  for (size_t i = 0; i < listed.size(); ++i) {
    EXPECT_EQ(expected[i]["name"], listed[i].name);
    EXPECT_EQ(expected[i]["dtype"], listed[i].dtype) << listed[i].name;
    EXPECT_EQ(expected[i]["shape"], nlohmann::json(listed[i].shape)) << listed[i].name;
    EXPECT_EQ(expected[i]["strides"], nlohmann::json(listed[i].stride)) << listed[i].name;
    EXPECT_EQ(expected[i]["requires_grad"], listed[i].requires_grad) << listed[i].name;
    EXPECT_EQ(expected[i]["sha256"], listed[i].sha256) << listed[i].name;
  }
}

TEST(Corpus, EveryRowThatTorchReadsComesOutEqual) {
  std::ifstream rows(Corpus() / "real/expected.jsonl");
  if (!rows) GTEST_SKIP() << "NO CORPUS at " << Corpus() << ": real files were not compared";
  size_t compared = 0;
  for (std::string line; std::getline(rows, line);) {
    const nlohmann::json row = nlohmann::json::parse(line);
    if (!row["ok"].get<bool>()) continue;
    const std::string name = row["file"];
    SCOPED_TRACE(name);
    const Decoded decoded = DecodeBytes(ReadFile(Corpus() / "real" / name));
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    Compare(row["tensors"], ListTensors(decoded));
    ++compared;
  }
  EXPECT_GE(compared, 40U);
}

TEST(Corpus, HostileFilesEndInAnAnswer) {
  const std::filesystem::path folder = Corpus() / "attacks";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "NO CORPUS at " << folder << ": hostile files were not read";
  size_t read = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    const Decoded decoded = DecodeBytes(ReadFile(file.path()));
    std::cout << file.path().filename().string() << ": " << (decoded.ok() ? "decoded" : decoded.message()) << '\n';
    ++read;
  }
  EXPECT_GT(read, 30U);
}

TEST(Corpus, SafetensorsFileIsRead) {
  const std::filesystem::path path = Corpus() / "real/safetensors/jfk-codes.safetensors";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "NO CORPUS at " << path;
  const Decoded decoded = DecodeBytes(ReadFile(path));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kSafetensors);
  EXPECT_FALSE(ListTensors(decoded).empty());
}

}  // namespace
}  // namespace airlock::formats
