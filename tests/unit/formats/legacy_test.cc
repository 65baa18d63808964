// The legacy stream: five pickles, then storages.
#include <gtest/gtest.h>

#include <optional>

#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

using fixtures::FloatStorage;
using fixtures::PickleAssembler;
using fixtures::StorageSpec;
using fixtures::TensorSpec;

const std::vector<TensorSpec> kTensors = {{.name = "a", .storage = 0, .shape = {2, 3}, .stride = {3, 1}},
                                          {.name = "b", .storage = 1, .offset = 1, .shape = {2}, .stride = {1}}};

std::vector<StorageSpec> Storages() { return {FloatStorage("11", 6), FloatStorage("7", 3)}; }

std::string Pickle() { return fixtures::PickleStateDict(kTensors, Storages(), true); }

TEST(TorchLegacy, StoragesAreSpansOfTheInput) {
  const Decoded decoded = DecodeBytes(fixtures::TorchLegacyFile(Pickle(), Storages()));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kTorchLegacy);
  ASSERT_EQ(ListTensors(decoded).size(), 2U);
  EXPECT_EQ(TensorBytes(decoded, 0), Storages()[0].bytes);
  EXPECT_EQ(TensorBytes(decoded, 1), Storages()[1].bytes.substr(4));
}

TEST(TorchLegacy, StorageOfOtherLengthIsRefused) {
  std::vector<StorageSpec> storages = Storages();
  storages[1] = FloatStorage("7", 4);
  EXPECT_EQ(DecodeBytes(fixtures::TorchLegacyFile(Pickle(), storages)).reason(), Reason::kStorageSizeMismatch);
}

TEST(TorchLegacy, ElementCountThatWrapsIsRefused) {
  std::vector<StorageSpec> storages = Storages();
  storages[1].numel = (uint64_t{1} << 62) + 3;  // times four is twelve, modulo 2^64
  EXPECT_EQ(DecodeBytes(fixtures::TorchLegacyFile(Pickle(), storages)).reason(), Reason::kStorageSizeMismatch);
}

TEST(TorchLegacy, StorageWithoutDataIsRefused) {
  std::vector<StorageSpec> storages = Storages();
  storages.pop_back();
  EXPECT_EQ(DecodeBytes(fixtures::TorchLegacyFile(Pickle(), storages)).reason(), Reason::kLegacyMalformed);
}

TEST(TorchLegacy, DataWithoutStorageIsRefused) {
  std::vector<StorageSpec> storages = Storages();
  storages.push_back(FloatStorage("99", 1));
  EXPECT_EQ(DecodeBytes(fixtures::TorchLegacyFile(Pickle(), storages)).reason(), Reason::kLegacyMalformed);
}

TEST(TorchLegacy, OneKeyTwiceIsRefused) {
  std::vector<StorageSpec> storages = Storages();
  storages.push_back(storages[0]);
  EXPECT_EQ(DecodeBytes(fixtures::TorchLegacyFile(Pickle(), storages)).reason(), Reason::kLegacyMalformed);
}

TEST(TorchLegacy, AnUntypedStorageIsOneOfBytes) {
  const StorageSpec storage{.key = "7", .type = "UntypedStorage", .numel = 8, .bytes = "abcdefgh"};
  const auto with = [&](const char* type, uint64_t numel) {
    PickleAssembler out;
    PushStorage(out.Proto(2), storage, true);
    PushStorage(out, {.key = "7", .type = type, .numel = numel, .bytes = {}}, true);
    return DecodeBytes(fixtures::TorchLegacyFile(out.Op("\x86").Stop(), {storage})).reason();
  };
  EXPECT_EQ(with("ByteStorage", 8), Reason{});
  EXPECT_EQ(with("FloatStorage", 2), Reason::kLegacyMalformed);
}

TEST(TorchLegacy, TrailingBytesAreRefused) {
  EXPECT_EQ(DecodeBytes(fixtures::TorchLegacyFile(Pickle(), Storages()) + "x").reason(), Reason::kTrailingBytes);
}

TEST(TorchLegacy, OtherVersionIsRefused) {
  std::string file = fixtures::TorchLegacyFile(Pickle(), Storages());
  file[file.find("M\xE9\x03") + 1] = '\xEA';
  EXPECT_EQ(DecodeBytes(file).reason(), Reason::kLegacyMalformed);
}

TEST(TorchLegacy, ViewsOfOldFilesAreSlices) {
  PickleAssembler out;
  out.Proto(2).Global("torch._utils", "_rebuild_tensor_v2").Mark();
  out.Mark().Text("storage").Global("torch", "FloatStorage").Text("11").Text("cpu").Int(6);
  out.Mark().Text("12").Int(2).Int(3).Tuple().Tuple().PersistentId();
  out.Int(1).Mark().Int(2).Tuple().Mark().Int(1).Tuple().Bool(false).EmptyOrderedDict().Tuple().Reduce();
  const Decoded decoded = DecodeBytes(fixtures::TorchLegacyFile(out.Stop(), {FloatStorage("11", 6)}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.tables.tensor(0).offset, 3U);
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("11", 6).bytes.substr(12, 8));
}

// A storage's tensor, or with `view` that of a part of the storage which has a key of its own.
struct View {
  const char* key;
  uint64_t offset;
};
void Tensor(PickleAssembler& out, const char* type, const char* key, uint64_t numel, std::optional<View> view) {
  out.Global("torch._utils", "_rebuild_tensor_v2").Mark();
  out.Mark().Text("storage").Global("torch", type).Text(key).Text("cpu").Int(numel);
  if (view) {
    out.Mark().Text(view->key).Int(view->offset).Int(2).Tuple();
  } else {
    out.None();
  }
  out.Tuple().PersistentId();
  out.Int(0).Mark().Int(2).Tuple().Mark().Int(1).Tuple().Bool(false).EmptyOrderedDict().Tuple().Reduce();
}

// Each reads otherwise in torch, which takes what is first under a key.
TEST(TorchLegacy, OneKeyForTwoThingsIsRefused) {
  const auto reason = [](auto first, auto second, std::vector<StorageSpec> storages) {
    PickleAssembler out;
    out.Proto(2).Mark();
    first(out);
    second(out);
    return DecodeBytes(fixtures::TorchLegacyFile(out.Tuple().Stop(), storages)).reason();
  };
  const auto view = [](const char* key, uint64_t offset) {
    return [=](PickleAssembler& out) { Tensor(out, "FloatStorage", "11", 6, View{key, offset}); };
  };
  const auto whole = [](const char* type, const char* key, uint64_t numel) {
    return [=](PickleAssembler& out) { Tensor(out, type, key, numel, std::nullopt); };
  };
  const StorageSpec six = FloatStorage("11", 6);
  const StorageSpec two = FloatStorage("12", 2);
  EXPECT_EQ(reason(view("12", 2), whole("FloatStorage", "12", 2), {six, two}), Reason::kLegacyMalformed);
  EXPECT_EQ(reason(whole("FloatStorage", "12", 2), view("12", 2), {two, six}), Reason::kLegacyMalformed);
  EXPECT_EQ(reason(view("12", 2), view("12", 3), {six}), Reason::kLegacyMalformed);
  EXPECT_EQ(reason(whole("FloatStorage", "11", 6), whole("LongStorage", "11", 3), {six}), Reason::kLegacyMalformed);
  EXPECT_EQ(reason(view("12", 2), view("12", 2), {six}), static_cast<Reason>(0));
  EXPECT_EQ(reason(view("12", 2), view("13", 3), {six}), static_cast<Reason>(0));
}

TEST(TorchLegacy, SourceCodeOfModulesIsNotUsed) {
  PickleAssembler out;
  out.Proto(2).Mark().Text("module").Global("__main__", "Net").Text("net.py").Text("import os").Tuple().PersistentId();
  const Decoded decoded = DecodeBytes(fixtures::TorchLegacyFile(out.Stop(), {}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.context.graph.kind(decoded.checkpoint.root), pickle::Kind::kSymbol);
  EXPECT_TRUE(decoded.HasFinding("torch.module-source"));
}

}  // namespace
}  // namespace airlock::formats
