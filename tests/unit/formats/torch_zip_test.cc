// Torch zips that are right: what comes out of them.
#include <gtest/gtest.h>
#include <libdeflate.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "sandbox/formats/inflate.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

using fixtures::FloatStorage;
using fixtures::StorageSpec;
using fixtures::TensorSpec;
using fixtures::ZipShape;
using tensors::Place;

const std::vector<TensorSpec> kOne = {{.name = "w", .storage = 0, .shape = {2, 3}, .stride = {3, 1}}};

std::string Archive(const std::vector<TensorSpec>& tensors, const std::vector<StorageSpec>& storages,
                    std::string_view byte_order = "little", bool deflate = false) {
  ZipShape shape = fixtures::TorchZipShape(fixtures::PickleStateDict(tensors, storages, false), storages);
  shape.parts[1].data = byte_order;
  for (size_t i = 2; deflate && i + 1 < shape.parts.size(); ++i) shape.parts[i].deflate = true;
  return fixtures::WriteZip(shape);
}

StorageSpec Swapped(StorageSpec storage, size_t item) {
  for (size_t i = 0; i + item <= storage.bytes.size(); i += item) {
    std::reverse(storage.bytes.begin() + static_cast<int64_t>(i),
                 storage.bytes.begin() + static_cast<int64_t>(i + item));
  }
  return storage;
}

TEST(TorchZip, StoredDataIsASpanOfTheInput) {
  const std::string file = Archive(kOne, {FloatStorage("0", 6)});
  const Decoded decoded = DecodeBytes(file);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const tensors::Storage& storage = decoded.checkpoint.tables.storages()[0];
  EXPECT_EQ(storage.place, Place::kInput);
  EXPECT_EQ(storage.nbytes, 24U);
  EXPECT_EQ(storage.offset % 64, 0U);
  EXPECT_EQ(file.substr(storage.offset, storage.nbytes), FloatStorage("0", 6).bytes);
}

TEST(TorchZip, DeflatedDataGoesToTheOutput) {
  const Decoded decoded = DecodeBytes(Archive(kOne, {FloatStorage("0", 6)}, "little", true));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.tables.storages()[0].place, Place::kOutput);
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", 6).bytes);
}

// Inflated as a whole, and where there is little memory.
TEST(TorchZip, MuchDeflatedData) {
  constexpr int64_t kNumel = 100'003;
  const StorageSpec storage = FloatStorage("0", kNumel);
  for (const uint64_t memory_bytes : {uint64_t{1} << 30, uint64_t{1} << 20}) {
    Limits limits;
    limits.memory_bytes = memory_bytes;
    EXPECT_EQ(WholeInflater::Fits(0, storage.bytes.size(), memory_bytes), memory_bytes == uint64_t{1} << 30);
    const Decoded decoded = DecodeBytes(
        Archive({{.name = "w", .storage = 0, .shape = {kNumel}, .stride = {1}}}, {storage}, "big", true), limits);
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_EQ(TensorBytes(decoded, 0), Swapped(storage, 4).bytes);
    EXPECT_FALSE(decoded.HasFinding("zip.wrong-crc"));
  }
}

// Three deflated storages, the second with a wrong checksum; the output's offsets of them.
class SharedTorchZip : public testing::Test {
 protected:
  static constexpr int64_t kNumel = 100'000;
  static constexpr uint64_t kBytes = 4 * kNumel;

  static std::string File(bool many_nodes = false) {
    std::vector<StorageSpec> storages;
    std::vector<TensorSpec> tensors;
    for (size_t i = 0; i < 3; ++i) storages.push_back(FloatStorage(std::to_string(i), kNumel));
    for (size_t i = 0; i < (many_nodes ? 3000 : 3); ++i) {
      tensors.push_back({.name = std::to_string(i), .storage = i % 3, .shape = {kNumel}, .stride = {1}});
    }
    ZipShape shape = fixtures::TorchZipShape(fixtures::PickleStateDict(tensors, storages, false), storages);
    shape.parts[1].data = "little";
    for (size_t i = 2; i + 1 < shape.parts.size(); ++i) shape.parts[i].deflate = true;
    shape.parts[3].crc = 1;
    return fixtures::WriteZip(shape);
  }

  static Decoded Run(const std::string& file, const std::function<void(Output&)>& prepare, bool& held_back) {
    Decoded decoded = Undecoded(file, {});
    const Input input(decoded.input.get(), file.size());
    Output output(decoded.output.get(), uint64_t{1} << 24, false);
    prepare(output);
    decoded.result = Decode(input, output, decoded.checkpoint);
    held_back = output.held_back();
    return decoded;
  }

  static std::vector<uint64_t> Offsets(const Decoded& decoded) {
    std::vector<uint64_t> offsets;
    for (const tensors::Storage& storage : decoded.checkpoint.tables.storages()) {
      EXPECT_EQ(storage.place, Place::kOutput);
      offsets.push_back(storage.offset);
    }
    return offsets;
  }
};

TEST_F(SharedTorchZip, WhatIsMoreThanTheBoundIsHeldBackWithoutAByteMoved) {
  bool held_back = false;
  const Decoded whole = Run(
      File(), [](Output&) {}, held_back);
  EXPECT_FALSE(held_back);
  // The largest one is nobody else's to move meanwhile.
  EXPECT_TRUE(Run(
                  File(), [](Output& output) { output.HoldBackBeyond(2 * kBytes); }, held_back)
                  .ok());
  EXPECT_FALSE(held_back);
  const Decoded left = Run(
      File(), [](Output& output) { output.HoldBackBeyond(2 * kBytes - 1); }, held_back);
  ASSERT_TRUE(left.ok()) << left.message();
  EXPECT_TRUE(held_back);
  EXPECT_EQ(Offsets(left), Offsets(whole)) << "the same plan";
  EXPECT_TRUE(whole.HasFinding("zip.wrong-crc"));
  EXPECT_FALSE(left.HasFinding("zip.wrong-crc"));
  EXPECT_EQ(::lseek(left.output.get(), 0, SEEK_END), 0) << "nothing was written";
}

TEST_F(SharedTorchZip, SharesMoveTheirsAndFindWhatIsWrongWithIt) {
  bool held_back = false;
  const Decoded whole = Run(
      File(), [](Output&) {}, held_back);
  const std::vector<uint64_t> offsets = Offsets(whole);
  for (size_t share = 0; share < 3; ++share) {
    const Decoded part = Run(
        File(),
        [&](Output& output) {
          output.WantOnly({{offsets[share], offsets[share] + kBytes}});
        },
        held_back);
    EXPECT_EQ(Offsets(part), offsets);
    EXPECT_EQ(part.HasFinding("zip.wrong-crc"), share == 1);
    for (uint32_t tensor = 0; tensor < 3; ++tensor) {
      std::vector<char> first(8, 'x');
      const bool written = ::pread(part.output.get(), first.data(), 8, static_cast<off_t>(offsets[tensor] + 4)) == 8 &&
                           std::any_of(first.begin(), first.end(), [](char c) { return c != 0; });
      EXPECT_EQ(written, tensor == share) << tensor;
    }
    EXPECT_EQ(TensorBytes(part, static_cast<uint32_t>(share)), FloatStorage("", kNumel).bytes);
  }
}

// To decode it again would take longer than to move its data.
TEST_F(SharedTorchZip, AFileOfManyObjectsIsNotHeldBack) {
  bool held_back = true;
  EXPECT_TRUE(Run(
                  File(true), [](Output& output) { output.HoldBackBeyond(1); }, held_back)
                  .ok());
  EXPECT_FALSE(held_back);
}

// Their headers are read alone, or with what is near.
TEST(TorchZip, LargeAndSmallMembersAreSpansOfTheInput) {
  const std::vector<uint64_t> numels = {20'000, 3, 100, 2'000, 7, 20'000};
  std::vector<StorageSpec> storages;
  std::vector<TensorSpec> tensors;
  for (size_t i = 0; i < numels.size(); ++i) {
    storages.push_back(FloatStorage(std::to_string(i), numels[i]));
    tensors.push_back(
        {.name = "w" + std::to_string(i), .storage = i, .shape = {static_cast<int64_t>(numels[i])}, .stride = {1}});
  }
  const std::string file = Archive(tensors, storages);
  const Decoded decoded = DecodeBytes(file);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_EQ(decoded.checkpoint.tables.storages().size(), numels.size());
  for (size_t i = 0; i < numels.size(); ++i) {
    const tensors::Storage& storage = decoded.checkpoint.tables.storages()[i];
    EXPECT_TRUE(file.substr(storage.offset, storage.nbytes) == storages[i].bytes) << i;
  }
}

TEST(TorchZip, BigEndianDataIsSwapped) {
  const Decoded decoded = DecodeBytes(Archive(kOne, {Swapped(FloatStorage("0", 6), 4)}, "big"));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.tables.storages()[0].place, Place::kOutput);
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", 6).bytes);
}

// Of the bytes as they come out: in place, inflated, and not where they were swapped.
TEST(TorchZip, StoragesHaveTheirMembersChecksum) {
  const StorageSpec storage = FloatStorage("0", 6);
  const uint64_t crc = tensors::kHasCrc32 | libdeflate_crc32(0, storage.bytes.data(), storage.bytes.size());
  const auto crc_of = [](const std::string& file) {
    const Decoded decoded = DecodeBytes(file);
    return decoded.ok() ? decoded.checkpoint.tables.storages()[0].crc32 : 1;
  };
  EXPECT_EQ(crc_of(Archive(kOne, {storage})), crc);
  EXPECT_EQ(crc_of(Archive(kOne, {storage}, "little", true)), crc);
  EXPECT_EQ(crc_of(Archive(kOne, {Swapped(storage, 4)}, "big")), 0U);
}

TEST(TorchZip, BigEndianComplexIsSwappedByComponent) {
  StorageSpec storage = FloatStorage("0", 6);
  storage.type = "ComplexFloatStorage";
  storage.numel = 3;
  const Decoded decoded =
      DecodeBytes(Archive({{.name = "z", .storage = 0, .shape = {3}, .stride = {1}}}, {Swapped(storage, 4)}, "big"));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(TensorBytes(decoded, 0), storage.bytes);
}

TEST(TorchZip, BigEndianBytesStayInTheInput) {
  const StorageSpec storage{.key = "0", .type = "ByteStorage", .numel = 6, .bytes = "abcdef"};
  const Decoded decoded = DecodeBytes(Archive(kOne, {storage}, "big"));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.tables.storages()[0].place, Place::kInput);
}

// An untyped storage is swapped as its tensors see it.
std::string UntypedBigEndian(std::initializer_list<const char*> dtypes) {
  const StorageSpec storage{.key = "0", .type = "UntypedStorage", .numel = 8, .bytes = "abcdefgh"};
  fixtures::PickleAssembler out;
  out.Proto(2).Op("]").Mark();
  for (const char* dtype : dtypes) {
    out.Global("torch._utils", "_rebuild_tensor_v3").Mark();
    PushStorage(out, storage, false);
    out.Int(0).Mark().Int(2).Tuple().Mark().Int(1).Tuple().Bool(false).EmptyOrderedDict().Global("torch", dtype);
    out.Tuple().Reduce();
  }
  ZipShape shape = fixtures::TorchZipShape(out.Op("e").Stop(), {storage});
  shape.parts[1].data = "big";
  return fixtures::WriteZip(shape);
}

TEST(TorchZip, BigEndianUntypedFollowsItsTensors) {
  const Decoded decoded = DecodeBytes(UntypedBigEndian({"uint16", "bfloat16"}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(TensorBytes(decoded, 0), "badc");
}

TEST(TorchZip, BigEndianUntypedOfTwoMindsIsRefused) {
  EXPECT_EQ(DecodeBytes(UntypedBigEndian({"uint16", "uint32"})).reason(), Reason::kUnsupportedFeature);
}

// One storage of eight bytes, once untyped and once of `type`.
std::string UntypedAnd(const char* type, uint64_t numel) {
  const StorageSpec storage{.key = "0", .type = "UntypedStorage", .numel = 8, .bytes = "abcdefgh"};
  fixtures::PickleAssembler out;
  out.Proto(2);
  PushStorage(out, storage, false);
  PushStorage(out, {.key = "0", .type = type, .numel = numel, .bytes = {}}, false);
  return fixtures::WriteZip(fixtures::TorchZipShape(out.Op("\x86").Stop(), {storage}));
}

TEST(TorchZip, AnUntypedStorageIsOneOfBytes) {
  const Decoded decoded = DecodeBytes(UntypedAnd("ByteStorage", 8));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.tables.storages().size(), 1U);
  EXPECT_EQ(DecodeBytes(UntypedAnd("CharStorage", 8)).reason(), Reason::kPickleMalformed);
  EXPECT_EQ(DecodeBytes(UntypedAnd("FloatStorage", 2)).reason(), Reason::kPickleMalformed);
}

TEST(TorchZip, DryRunReservesAndWritesNothing) {
  const Decoded decoded = DecodeBytes(Archive(kOne, {FloatStorage("0", 6)}, "little", true), {}, true);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.tables.storages()[0].place, Place::kOutput);
  EXPECT_EQ(::lseek(decoded.output.get(), 0, SEEK_END), 0);
}

TEST(TorchZip, OutputLimit) {
  const StorageSpec storage = FloatStorage("0", (uint64_t{1} << 22) + 1);
  const Decoded decoded = DecodeBytes(Archive(kOne, {storage}, "big"));
  ASSERT_EQ(decoded.reason(), Reason::kLimitExceeded);
  EXPECT_STREQ(decoded.result.error().limit->name, "output_bytes");
}

TEST(TorchZip, ViewsShareTheirStorage) {
  const Decoded decoded =
      DecodeBytes(Archive({{.name = "all", .storage = 0, .shape = {2, 3}, .stride = {3, 1}},
                           {.name = "column", .storage = 0, .offset = 1, .shape = {2}, .stride = {3}},
                           {.name = "scalar", .storage = 0, .offset = 5},
                           {.name = "empty", .storage = 0, .shape = {0, 4}, .stride = {4, 1}}},
                          {FloatStorage("0", 6)}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.tables.storages().size(), 1U);
  EXPECT_EQ(ListTensors(decoded).size(), 4U);
  float column[2];
  std::memcpy(column, TensorBytes(decoded, 1).data(), sizeof(column));
  EXPECT_EQ(column[0], 1.0F);
  EXPECT_EQ(column[1], 4.0F);
}

TEST(TorchZip, OneKeyWithTwoLengthsIsRefused) {
  StorageSpec other = FloatStorage("0", 6);
  other.numel = 5;
  const std::vector<StorageSpec> storages = {FloatStorage("0", 6), other};
  ZipShape shape = fixtures::TorchZipShape(
      fixtures::PickleStateDict({kOne[0], {.name = "v", .storage = 1, .shape = {5}, .stride = {1}}}, storages, false),
      {storages[0]});
  EXPECT_EQ(DecodeBytes(fixtures::WriteZip(shape)).reason(), Reason::kStorageSizeMismatch);
}

TEST(TorchZip, TensorOutsideItsStorageIsRefused) {
  EXPECT_EQ(
      DecodeBytes(Archive({{.name = "w", .storage = 0, .shape = {7}, .stride = {1}}}, {FloatStorage("0", 6)})).reason(),
      Reason::kTensorOutOfBounds);
}

TEST(TorchZip, EmptyStorageNeedsNoMember) {
  ZipShape shape =
      fixtures::TorchZipShape(fixtures::PickleStateDict({{.name = "w", .storage = 0, .shape = {0}, .stride = {1}}},
                                                        {FloatStorage("0", 0)}, false),
                              {});
  EXPECT_TRUE(DecodeBytes(fixtures::WriteZip(shape)).ok());
}

TEST(TorchZip, SampleIsClean) {
  const Decoded decoded = DecodeBytes(fixtures::SampleCheckpoint());
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.checkpoint.context.findings.empty());
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 4U);
  EXPECT_EQ(listed[0].name, "model.embedding.weight");
  EXPECT_TRUE(listed[0].requires_grad);
  EXPECT_EQ(listed[3].name, "optimizer.state.0.exp_avg");
}

// As torch 1.3 and 1.4 wrote them.
TEST(TorchZip, ScalesInAListGoToTheOutput) {
  const std::vector<StorageSpec> storages = {{.key = "0", .type = "QInt8Storage", .numel = 6, .bytes = "abcdef"}};
  fixtures::PickleAssembler out;
  out.Proto(2).Global("torch._utils", "_rebuild_qtensor").Mark();
  PushStorage(out, storages[0], false);
  out.Int(0).Mark().Int(2).Int(3).Tuple().Mark().Int(3).Int(1).Tuple();
  out.Mark().Global("torch", "per_channel_affine").Op("]").Mark().Float(0.5).Float(0.25).Op("e");
  out.Op("]").Mark().Int(7).Int(-1).Op("e").Int(0).Tuple().Bool(false).EmptyOrderedDict().Tuple().Reduce();
  const Decoded decoded = DecodeBytes(fixtures::WriteZip(fixtures::TorchZipShape(out.Stop(), storages)));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_EQ(decoded.checkpoint.tables.quantizations().size(), 1U);
  const tensors::Quantization& quantization = decoded.checkpoint.tables.quantizations()[0];
  const auto place = [&](uint32_t tensor) {
    return decoded.checkpoint.tables.storages()[decoded.checkpoint.tables.tensor(tensor).storage].place;
  };
  EXPECT_EQ(place(quantization.tensor), Place::kInput);
  EXPECT_EQ(place(quantization.scales), Place::kOutput);
  const double scales[] = {0.5, 0.25};
  const int64_t zero_points[] = {7, -1};
  EXPECT_EQ(TensorBytes(decoded, quantization.scales), std::string(reinterpret_cast<const char*>(scales), 16));
  EXPECT_EQ(TensorBytes(decoded, quantization.zero_points),
            std::string(reinterpret_cast<const char*>(zero_points), 16));
}

}  // namespace
}  // namespace airlock::formats
