// A checkpoint that is cut off anywhere, or has any byte changed, is never taken for the whole and never ends the
// process.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fixtures/gguf_writer.h"
#include "tests/fixtures/tar_writer.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

std::string Legacy() {
  const std::vector<fixtures::StorageSpec> storages = {fixtures::FloatStorage("1", 40)};
  return fixtures::TorchLegacyFile(
      fixtures::PickleStateDict({{.name = "w", .storage = 0, .shape = {40}, .stride = {1}}}, storages, true), storages);
}

std::string Deflated() {
  const std::vector<fixtures::StorageSpec> storages = {fixtures::FloatStorage("0", 40)};
  fixtures::ZipShape shape = fixtures::TorchZipShape(
      fixtures::PickleStateDict({{.name = "w", .storage = 0, .shape = {40}, .stride = {1}}}, storages, false),
      storages);
  for (fixtures::ZipPart& part : shape.parts) part.deflate = true;
  return fixtures::WriteZip(shape);
}

std::string Safetensors() {
  const std::string header = R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})";
  return std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header + std::string(16, 'x');
}

class WholeFile : public testing::TestWithParam<const char*> {
 protected:
  static std::string Bytes() {
    const std::string_view name = GetParam();
    if (name == "Zip") return fixtures::SampleCheckpoint();
    if (name == "Deflated") return Deflated();
    if (name == "Tar") return fixtures::WriteTar(fixtures::SampleTorchTar(40).parts(), std::string(1024, 0));
    if (name == "Gguf") {
      return fixtures::WriteGguf({.values = {{.key = "k", .type = 8, .bytes = fixtures::GgufString("value")}},
                                  .tensors = {{.name = "w", .dims = {40}, .data = std::string(160, 'x')}},
                                  .pad_end = false});
    }
    return name == "Legacy" ? Legacy() : Safetensors();
  }
};

TEST_P(WholeFile, CutAnywhereIsNeverWhole) {
  const std::string bytes = Bytes();
  ASSERT_TRUE(DecodeBytes(bytes).ok());
  const size_t step = std::max<size_t>(1, bytes.size() / 512);
  for (size_t length = 0; length < bytes.size(); length += step) {
    EXPECT_FALSE(DecodeBytes(std::string_view(bytes).substr(0, length)).ok()) << "cut at " << length;
  }
  EXPECT_FALSE(DecodeBytes(std::string_view(bytes).substr(0, bytes.size() - 1)).ok());
}

// Whatever decodes must be sound: each span inside its file, each element inside its span.
void ExpectSound(const Decoded& decoded) {
  for (const tensors::Storage& storage : decoded.checkpoint.tables.storages()) {
    const bool in_input = storage.place == tensors::Place::kInput;
    ASSERT_TRUE(!in_input || storage.offset + storage.nbytes <= decoded.input_size);
  }
  ListTensors(decoded);
}

TEST_P(WholeFile, AnyByteMayChange) {
  const std::string bytes = Bytes();
  const size_t step = std::max<size_t>(1, bytes.size() / 400);
  for (size_t at = 0; at < bytes.size(); at += step) {
    for (const char mask : {'\x01', '\x80', '\xFF'}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ mask);
      const Decoded decoded = DecodeBytes(changed);
      if (decoded.ok()) ExpectSound(decoded);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, WholeFile, testing::Values("Zip", "Deflated", "Legacy", "Safetensors", "Tar", "Gguf"),
                         [](const auto& row) { return std::string(row.param); });

}  // namespace
}  // namespace airlock::formats
