// Indices of sparse tensors are looked at wherever they stand: stored, deflated, swapped, behind the pickles, and when
// nothing is to be written.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/decoded.h"

namespace airlock::formats {
namespace {

using fixtures::FloatStorage;
using fixtures::PickleAssembler;
using fixtures::StorageSpec;

// Indices [1, n] of a COO tensor of `size` elements.
std::vector<StorageSpec> Storages(const std::vector<int64_t>& indices) {
  StorageSpec numbers{.key = "0", .type = "LongStorage", .numel = indices.size()};
  numbers.bytes.assign(reinterpret_cast<const char*>(indices.data()), indices.size() * sizeof(int64_t));
  return {numbers, FloatStorage("1", indices.size())};
}

std::string Pickle(const std::vector<StorageSpec>& storages, int64_t size, bool legacy) {
  const auto entries = static_cast<int64_t>(storages[0].numel);
  PickleAssembler out;
  out.Proto(2).Global("torch._utils", "_rebuild_sparse_tensor").Mark();
  out.Global("torch.serialization", "_get_layout").Mark().Text("torch.sparse_coo").Tuple().Reduce().Mark();
  PushTensor(out, {.storage = 0, .shape = {1, entries}, .stride = {entries, 1}}, storages, legacy);
  PushTensor(out, {.storage = 1, .shape = {entries}, .stride = {1}}, storages, legacy);
  return out.Mark().Int(size).Tuple().Tuple().Tuple().Reduce().Stop();
}

struct Form {
  bool deflate = false;
  bool big_endian = false;
};

std::string Zip(const std::vector<int64_t>& indices, int64_t size, const Form& form) {
  std::vector<StorageSpec> storages = Storages(indices);
  fixtures::ZipShape shape = fixtures::TorchZipShape(Pickle(storages, size, false), storages);
  for (size_t i = 2; i < 4; ++i) {
    shape.parts[i].deflate = form.deflate;
    std::string& bytes = shape.parts[i].data;
    const auto item = static_cast<std::ptrdiff_t>(i == 2 ? sizeof(int64_t) : sizeof(float));
    for (auto at = bytes.begin(); form.big_endian && at != bytes.end(); at += item) std::reverse(at, at + item);
  }
  if (form.big_endian) shape.parts[1].data = "big";
  return fixtures::WriteZip(shape);
}

TEST(SparseInZip, IndicesAreChecked) {
  for (const Form form : {Form{}, Form{true, false}, Form{false, true}, Form{true, true}}) {
    for (const bool dry : {false, true}) {
      const Decoded good = DecodeBytes(Zip({0, 4, 2}, 5, form), {}, dry);
      EXPECT_TRUE(good.ok()) << good.message();
      EXPECT_EQ(good.checkpoint.context.graph.kind(good.checkpoint.root), pickle::Kind::kSparseTensor);
      EXPECT_EQ(DecodeBytes(Zip({0, 5, 2}, 5, form), {}, dry).reason(), Reason::kTensorOutOfBounds);
    }
  }
}

TEST(SparseInLegacy, IndicesAreCheckedWhenTheyHaveAPlace) {
  const auto file = [](const std::vector<int64_t>& indices) {
    const std::vector<StorageSpec> storages = Storages(indices);
    return fixtures::TorchLegacyFile(Pickle(storages, 5, true), storages);
  };
  EXPECT_TRUE(DecodeBytes(file({0, 4, 2})).ok());
  EXPECT_EQ(DecodeBytes(file({0, 4, -2})).reason(), Reason::kTensorOutOfBounds);
}

TEST(SparseInLegacy, BytesThatStandInNoFileAreCheckedToo) {
  const auto decode = [](const std::vector<int64_t>& indices) {
    const std::vector<StorageSpec> storages = Storages(indices);
    const std::string bytes = fixtures::TorchLegacyFile(Pickle(storages, 5, true), storages);
    const Input input({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    Output output(-1, uint64_t{1} << 20, true);
    Checkpoint checkpoint;
    const Result<void> decoded = Decode(input, output, checkpoint);
    return decoded.ok() ? Reason{} : decoded.error().reason;
  };
  EXPECT_EQ(decode({0, 4, 2}), Reason{});
  EXPECT_EQ(decode({0, 4, 5}), Reason::kTensorOutOfBounds);
}

TEST(Output, GivesBackWhatItWasToKeep) {
  Output output(-1, uint64_t{1} << 40, true);
  const uint64_t first = *output.Reserve(100);
  const uint64_t second = *output.Reserve(100);
  output.Keep(second, 100);
  const std::vector<uint8_t> bytes(100, 7);
  ASSERT_TRUE(output.WriteAt(first, bytes).ok());
  ASSERT_TRUE(output.WriteAt(second, std::span(bytes).first(60)).ok());
  ASSERT_TRUE(output.WriteAt(second + 60, std::span(bytes).first(40)).ok());
  std::vector<uint8_t> back(50);
  ASSERT_TRUE(output.ReadAt(second + 50, back).ok());
  EXPECT_EQ(back, std::vector<uint8_t>(50, 7));
  EXPECT_EQ(output.ReadAt(first, back).error().reason, Reason::kUnsupportedFeature);
  EXPECT_EQ(output.ReadAt(second + 51, back).error().reason, Reason::kUnsupportedFeature);
}

TEST(Output, KeepsSoMuchAndNoMore) {
  Output output(-1, uint64_t{1} << 40, true);
  const uint64_t first = *output.Reserve(Output::kMaxKept);
  output.Keep(first, Output::kMaxKept);
  const uint64_t second = *output.Reserve(1);
  output.Keep(second, 1);
  std::vector<uint8_t> back(1);
  EXPECT_TRUE(output.ReadAt(first + Output::kMaxKept - 1, back).ok());
  EXPECT_FALSE(output.ReadAt(second, back).ok());
}

}  // namespace
}  // namespace airlock::formats
