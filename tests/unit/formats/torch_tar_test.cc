// The tar archives of torch 0.1: what they hold, and each rule of reading them broken once.
#include <gtest/gtest.h>

#include "tests/fixtures/pickle_assembler.h"
#include "tests/fixtures/tar_writer.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

using fixtures::ExtendedHeader;
using fixtures::PickleAssembler;
using fixtures::SampleTorchTar;
using fixtures::TarPart;
using fixtures::TorchTarShape;
using fixtures::WriteTar;

constexpr Reason kFine = static_cast<Reason>(0);

TEST(TorchTar, TensorsAreViewsOfSpansOfTheInput) {
  const std::string file = WriteTar(SampleTorchTar().parts());
  const Decoded decoded = DecodeBytes(file);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kTorchTar);
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].name, "whole");
  EXPECT_EQ(listed[1].name, "part");
  const std::string bytes = fixtures::FloatStorage("0", 4).bytes;
  EXPECT_EQ(TensorBytes(decoded, 0), bytes);
  EXPECT_EQ(TensorBytes(decoded, 1), bytes.substr(4));
  ASSERT_EQ(decoded.checkpoint.tables.storages().size(), 1U);
  EXPECT_EQ(decoded.checkpoint.tables.storages()[0].offset, file.find(bytes));
}

// --- the archive ---

struct ArchiveRow {
  const char* name;
  Reason reason;
  std::string file;
};

std::string With(size_t index, void (*change)(TarPart&)) {
  std::vector<TarPart> parts = SampleTorchTar().parts();
  change(parts[index]);
  return WriteTar(parts);
}

std::string Added(const TarPart& part, size_t at = 4) {
  std::vector<TarPart> parts = SampleTorchTar().parts();
  parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(at), part);
  return WriteTar(parts);
}

std::string Whole() { return WriteTar(SampleTorchTar().parts()); }
std::string Ending(const std::string& end) { return WriteTar(SampleTorchTar().parts(), end); }

class TarRule : public testing::TestWithParam<ArchiveRow> {};

TEST_P(TarRule, EndsAsItShould) {
  const Decoded decoded = DecodeBytes(GetParam().file);
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
}

const ArchiveRow kArchives[] = {
    {"Right", kFine, Whole()},
    {"TimesInAnExtendedHeader", kFine, Added(ExtendedHeader("mtime", "1500000000.25"), 1)},
    {"OldTypeByte", kFine, With(1, [](TarPart& p) { p.type = '\0'; })},
    {"GnuMagic", kFine, With(1, [](TarPart& p) { p.magic = std::string("ustar  \0", 8); })},
    {"StrangerIsNoted", kFine, Added({.name = "more", .data = "x"})},
    {"ShortEnd", kFine, Ending(std::string(1024, '\0'))},
    {"WrongChecksum", Reason::kTarMalformed, With(1, [](TarPart& p) { p.wrong_checksum = true; })},
    {"OtherMagic", Reason::kTarAmbiguous, With(1, [](TarPart& p) { p.magic = "tarball!"; })},
    {"NameTwice", Reason::kTarAmbiguous, Added({.name = "pickle", .data = "N."})},
    {"NameTwiceInOtherCase", Reason::kTarAmbiguous, Added({.name = "PICKLE", .data = "N."})},
    {"SymbolicLink", Reason::kTarAmbiguous, Added({.name = "more", .type = '2', .link = "/etc/passwd"})},
    {"HardLink", Reason::kTarAmbiguous, Added({.name = "more", .type = '1', .link = "pickle"})},
    {"Directory", Reason::kTarAmbiguous, Added({.name = "more", .type = '5'})},
    {"Device", Reason::kTarAmbiguous, Added({.name = "more", .type = '3'})},
    {"Sparse", Reason::kTarAmbiguous, Added({.name = "more", .type = 'S'})},
    {"GnuLongName", Reason::kTarAmbiguous, Added({.name = "././@LongLink", .data = "pickle", .type = 'L'})},
    {"GlobalHeader", Reason::kTarAmbiguous, Added({.name = "g", .data = "18 path=pickle\n123", .type = 'g'})},
    {"Absolute", Reason::kTarAmbiguous, Added({.name = "/etc/passwd", .data = "x"})},
    {"Traversal", Reason::kTarAmbiguous, Added({.name = "a/../../pickle", .data = "x"})},
    {"DotSlash", Reason::kTarAmbiguous, Added({.name = "./pickle", .data = "x"})},
    {"Backslash", Reason::kTarAmbiguous, Added({.name = "a\\b", .data = "x"})},
    {"NameCutByNul", Reason::kTarAmbiguous, Added({.name = std::string("a\0b", 3), .data = "x"})},
    {"Prefix", Reason::kTarAmbiguous, With(1, [](TarPart& p) { p.prefix = "folder"; })},
    {"NoName", Reason::kTarAmbiguous, Added({.data = "x"})},
    {"SizeInAnExtendedHeader", Reason::kTarAmbiguous, Added(ExtendedHeader("size", "4"), 1)},
    {"PathInAnExtendedHeader", Reason::kTarAmbiguous, Added(ExtendedHeader("path", "pickle"), 1)},
    {"TwoExtendedHeaders", Reason::kTarAmbiguous,
     [] {
       std::vector<TarPart> parts = SampleTorchTar().parts();
       parts.insert(parts.begin(), {ExtendedHeader("mtime", "1"), ExtendedHeader("mtime", "2")});
       return WriteTar(parts);
     }()},
    {"ExtendedHeaderForNothing", Reason::kTarMalformed, Added(ExtendedHeader("mtime", "1"))},
    {"LongExtendedHeader", Reason::kTarAmbiguous, Added(ExtendedHeader("uname", std::string(5000, 'x')), 1)},
    {"ExtendedRecordThatLies", Reason::kTarAmbiguous, Added({.name = "x", .data = "99 mtime=1\n", .type = 'x'}, 1)},
    {"ExtendedRecordWithoutValue", Reason::kTarAmbiguous, Added({.name = "x", .data = "9 mtime1\n", .type = 'x'}, 1)},
    {"BinarySize", Reason::kTarAmbiguous, With(1, [](TarPart& p) { p.size = "\x80" + std::string(11, '\0'); })},
    {"SignedSize", Reason::kTarAmbiguous, With(1, [](TarPart& p) { p.size = "-0000000001"; })},
    {"SizePastTheEnd", Reason::kTruncated, With(3, [](TarPart& p) { p.size = "77777777777"; })},
    {"BytesInThePadding", Reason::kTarAmbiguous, With(1, [](TarPart& p) { p.fill = 'x'; })},
    {"NoEnd", Reason::kTruncated, Ending("")},
    {"HalfAnEnd", Reason::kTruncated, Ending(std::string(512, '\0'))},
    {"OneZeroBlockThenMore", Reason::kTrailingBytes,
     Ending(std::string(512, '\0') + WriteTar({{.name = "more", .data = "x"}}))},
    {"BytesBehindTheEnd", Reason::kTrailingBytes, Ending(std::string(2048, '\0') + "x")},
    {"TooManyZeros", Reason::kTrailingBytes, Ending(std::string((1 << 20) + 512, '\0'))},
    {"AnotherTar", Reason::kUnsupportedFormat, WriteTar({{.name = "model_weights.ckpt", .data = "x"}})},
    {"NoStorages", Reason::kTarMalformed,
     [] {
       std::vector<TarPart> parts = SampleTorchTar().parts();
       parts.pop_back();
       return WriteTar(parts);
     }()},
};

INSTANTIATE_TEST_SUITE_P(All, TarRule, testing::ValuesIn(kArchives), [](const auto& row) { return row.param.name; });

TEST(TorchTar, ManyMembersHitTheLimit) {
  std::vector<TarPart> parts = SampleTorchTar().parts();
  for (int i = 0; i < 996; ++i) parts.push_back({.name = std::to_string(i)});
  EXPECT_EQ(DecodeBytes(WriteTar(parts)).reason(), kFine);
  parts.push_back({.name = "last"});
  EXPECT_EQ(DecodeBytes(WriteTar(parts)).reason(), Reason::kLimitExceeded);
}

TEST(TorchTar, StrangersAreNoted) {
  EXPECT_TRUE(DecodeBytes(Added({.name = "more", .data = "x"})).HasFinding("tar.unused-member"));
  EXPECT_FALSE(DecodeBytes(Whole()).HasFinding("tar.unused-member"));
  EXPECT_EQ(DecodeBytes(Added({.name = "more", .data = "x"})).Warnings(), 0U);
  EXPECT_EQ(DecodeBytes(Added({.name = "more", .data = "cos\nsystem\n(S'x'\ntR."})).Warnings(), 1U);
}

// --- the members ---

std::string Little(int64_t value) { return PickleAssembler().Little(value).Stop().substr(0, sizeof(value)); }
std::string Number(int64_t value) { return PickleAssembler().Proto(2).Int(value).Stop(); }

std::string Storage(int64_t key, const char* type, int64_t numel, const std::string& bytes) {
  return PickleAssembler().Proto(2).Mark().Int(key).Text("cpu").Global("torch", type).Tuple().Stop() + Little(numel) +
         bytes;
}

struct View {
  int64_t key, root, offset, numel;
};
std::string Views(const std::vector<View>& views) {
  PickleAssembler out;
  out.Proto(2).Op("]");
  for (const View& v : views) out.Mark().Int(v.key).Int(v.root).Int(v.offset).Int(v.numel).Tuple().Op("a");
  return out.Stop();
}

std::string Tensor(int64_t key, int64_t storage, const std::vector<int64_t>& shape, const std::vector<int64_t>& stride,
                   int64_t offset, const char* type = "FloatTensor") {
  std::string out = PickleAssembler().Proto(2).Mark().Int(key).Int(storage).Global("torch", type).Tuple().Stop();
  out += Little(static_cast<int64_t>(shape.size()));
  for (const int64_t n : shape) out += Little(n);
  for (const int64_t n : stride) out += Little(n);
  return out + Little(offset);
}

std::string Reference(const char* key) { return PickleAssembler().Proto(2).Text(key).PersistentId().Stop(); }

struct Members {
  std::string storages = Number(1) + Storage(1, "FloatStorage", 4, std::string(16, 'a')) + Views({});
  std::string tensors = Number(1) + Tensor(2, 1, {4}, {1}, 0);
  std::string pickle = Reference("2");
};

Decoded DecodeMembers(const Members& members) {
  TorchTarShape shape = SampleTorchTar();
  shape.storages = members.storages;
  shape.tensors = members.tensors;
  shape.pickle = members.pickle;
  return DecodeBytes(WriteTar(shape.parts()));
}

struct MemberRow {
  const char* name;
  Reason reason;
  Members members;
};

class TarMemberRule : public testing::TestWithParam<MemberRow> {};

TEST_P(TarMemberRule, EndsAsItShould) {
  const Decoded decoded = DecodeMembers(GetParam().members);
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
}

const std::string kSixteen(16, 'a');
std::string Floats(int64_t key = 1) { return Storage(key, "FloatStorage", 4, kSixteen); }
std::string OneStorage(const std::vector<View>& views) { return Number(1) + Floats() + Views(views); }
std::string OneTensor(const std::vector<int64_t>& shape, const std::vector<int64_t>& stride, int64_t offset) {
  return Number(1) + Tensor(2, 1, shape, stride, offset);
}

const MemberRow kMembers[] = {
    {"Right", kFine, {}},
    {"StorageItself", kFine, {.pickle = Reference("1")}},
    {"ViewOfAStorage",
     kFine,
     {.storages = OneStorage({{7, 1, 1, 2}}), .tensors = Number(1) + Tensor(2, 7, {2}, {1}, 0)}},
    {"ViewOfAView",
     kFine,
     {.storages = OneStorage({{7, 1, 1, 3}, {8, 7, 1, 2}}), .tensors = Number(1) + Tensor(2, 8, {2}, {1}, 0)}},
    {"ElementsThatWrap",
     Reason::kTruncated,
     {.storages = Number(1) + Storage(1, "FloatStorage", 0x4000000000000001, kSixteen) + Views({})}},
    {"NegativeElements", Reason::kTruncated, {.storages = Number(1) + Storage(1, "FloatStorage", -1, kSixteen)}},
    {"StoragePastTheMember", Reason::kTruncated, {.storages = Number(1) + Storage(1, "FloatStorage", 400, kSixteen)}},
    {"StoragesMissing", Reason::kTruncated, {.storages = Number(2) + Floats()}},
    {"NegativeCount", Reason::kTarMalformed, {.storages = Number(-1) + Views({})}},
    {"HugeCount", Reason::kTruncated, {.storages = Number(INT64_MAX) + Floats()}},
    {"OneKeyTwice", Reason::kTarMalformed, {.storages = Number(2) + Floats() + Floats() + Views({})}},
    {"KeyOfAStorageAndATensor", Reason::kTarMalformed, {.tensors = Number(1) + Tensor(1, 1, {4}, {1}, 0)}},
    {"ViewOutside", Reason::kTensorOutOfBounds, {.storages = OneStorage({{7, 1, 3, 2}})}},
    {"ViewNegative", Reason::kTensorOutOfBounds, {.storages = OneStorage({{7, 1, -1, 2}})}},
    {"ViewThatWraps", Reason::kTensorOutOfBounds, {.storages = OneStorage({{7, 1, 2, INT64_MAX}})}},
    {"ViewOfNothing", Reason::kTarMalformed, {.storages = OneStorage({{7, 9, 0, 1}})}},
    {"TensorOutsideItsView",
     Reason::kTensorOutOfBounds,
     {.storages = OneStorage({{7, 1, 1, 2}}), .tensors = Number(1) + Tensor(2, 7, {3}, {1}, 0)}},
    {"TensorOutside", Reason::kTensorOutOfBounds, {.tensors = OneTensor({5}, {1}, 0)}},
    {"TensorOffsetOutside", Reason::kTensorOutOfBounds, {.tensors = OneTensor({4}, {1}, 1)}},
    {"NegativeSize", Reason::kTensorOutOfBounds, {.tensors = OneTensor({-4}, {1}, 0)}},
    {"NegativeStride", Reason::kTensorOutOfBounds, {.tensors = OneTensor({4}, {-1}, 3)}},
    {"NegativeOffset", Reason::kTensorOutOfBounds, {.tensors = OneTensor({4}, {1}, -1)}},
    {"ShapeThatWraps", Reason::kTensorOutOfBounds, {.tensors = OneTensor({INT64_MAX, 3}, {0, 0}, 0)}},
    {"TooManyDimensions",
     Reason::kLimitExceeded,
     {.tensors = Number(1) +
                 PickleAssembler().Proto(2).Mark().Int(2).Int(1).Global("torch", "FloatTensor").Tuple().Stop() +
                 Little(65)}},
    {"NegativeDimensions",
     Reason::kTarMalformed,
     {.tensors = Number(1) +
                 PickleAssembler().Proto(2).Mark().Int(2).Int(1).Global("torch", "FloatTensor").Tuple().Stop() +
                 Little(-1)}},
    {"TensorOfNothing", Reason::kTarMalformed, {.tensors = Number(1) + Tensor(2, 9, {4}, {1}, 0)}},
    {"ReferenceToNothing", Reason::kTarMalformed, {.pickle = Reference("3")}},
    {"ReferenceIsNoNumber", Reason::kTarMalformed, {.pickle = Reference("2 ")}},
    {"ReferenceIsTooLong", Reason::kTarMalformed, {.pickle = Reference("2222222222222222222")}},
    {"DeviceOfNobody",
     Reason::kTarMalformed,
     {.storages =
          Number(1) +
          PickleAssembler().Proto(2).Mark().Int(1).Text("CPU!").Global("torch", "FloatStorage").Tuple().Stop()}},
    {"NoStorageClass", Reason::kPickleMalformed, {.storages = Number(1) + Storage(1, "FloatTensor", 4, kSixteen)}},
    {"PersistentIdInAStorage", Reason::kTarMalformed, {.storages = Reference("1")}},
    {"BytesBehindThePickle", Reason::kTrailingBytes, {.pickle = Reference("2") + "x"}},
    {"BytesBehindTheTensors", Reason::kTrailingBytes, {.tensors = Number(0) + "x", .pickle = "N."}},
    {"BytesBehindTheStorages", Reason::kTrailingBytes, {.storages = OneStorage({}) + "x"}},
};

INSTANTIATE_TEST_SUITE_P(All, TarMemberRule, testing::ValuesIn(kMembers),
                         [](const auto& row) { return row.param.name; });

TEST(TorchTar, ViewsAreSlicesOfOneStorage) {
  const Decoded decoded = DecodeMembers(
      {.storages = OneStorage({{7, 1, 1, 3}, {8, 7, 1, 2}}), .tensors = Number(1) + Tensor(2, 8, {1}, {1}, 1)});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.tables.tensor(0).offset, 3U);
  EXPECT_EQ(decoded.checkpoint.tables.storages().size(), 1U);
}

TEST(TorchTar, OneKeyIsOneObject) {
  const Decoded decoded = DecodeMembers(
      {.pickle = PickleAssembler().Proto(2).Text("2").PersistentId().Text("2").PersistentId().Op("\x86").Stop()});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const auto items = decoded.checkpoint.context.graph.children(decoded.checkpoint.root);
  EXPECT_EQ(items[0], items[1]);
}

TEST(TorchTar, NoDimensionsMeantEmpty) {
  PickleAssembler empty;
  empty.Proto(2).Mark().Int(2).None().Global("torch", "FloatTensor").Tuple();
  const Decoded decoded = DecodeMembers({.tensors = Number(1) + empty.Stop() + Little(0) + Little(0)});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(ListTensors(decoded)[0].shape, (std::vector<uint64_t>{0}));
}

TEST(TorchTar, TensorOfAnotherClassThanItsStorageIsFound) {
  const Decoded other = DecodeMembers({.tensors = Number(1) + Tensor(2, 1, {4}, {1}, 0, "LongTensor")});
  ASSERT_TRUE(other.ok()) << other.message();
  EXPECT_TRUE(other.HasFinding("torch.odd-arguments"));
  EXPECT_FALSE(DecodeMembers({}).HasFinding("torch.odd-arguments"));
}

TEST(TorchTar, SourceCodeOfModulesIsNotUsed) {
  PickleAssembler out;
  out.Proto(2).Mark().Global("__main__", "Net").Text("net.py").Text("import os").Tuple().PersistentId();
  const Decoded decoded = DecodeMembers({.pickle = out.Stop()});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.HasFinding("torch.module-source"));
}

}  // namespace
}  // namespace airlock::formats
