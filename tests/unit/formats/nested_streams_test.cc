// Streams in byte strings: decoded where they are handed to a loader or stand as a value, by the same rules, to a
// limit.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

using fixtures::FloatStorage;
using fixtures::PickleAssembler;
using fixtures::StorageSpec;
using fixtures::TensorSpec;
using pickle::Kind;
using pickle::NodeId;
using pickle::Severity;
using tensors::Place;

constexpr uint64_t kLongFloats = 20'000;  // 80,000 bytes: longer than what is copied

std::string Ending(std::string pickle) {
  pickle.pop_back();
  return pickle;
}

// Opcodes that push the bytes.
std::string Bytes(std::string_view bytes) {
  PickleAssembler out;
  return Ending(out.Op("B").Little(static_cast<uint32_t>(bytes.size())).Op(bytes).Stop());
}

std::string Text(std::string_view text) { return Ending(PickleAssembler().Text(text).Stop()); }

// Opcodes that a loader would run a command by.
std::string Gadget() { return Ending(PickleAssembler().Global("os", "system").Text("echo").Op("\x85R").Stop()); }

// Opcodes that push what a loader makes of the bytes.
std::string Loaded(std::string_view module, std::string_view name, std::string_view bytes) {
  return Ending(PickleAssembler().Global(module, name).Op(Bytes(bytes)).Op("\x85R").Stop());
}

// A whole pickle of these opcodes.
std::string Pickle(std::string_view opcodes) { return PickleAssembler().Proto(2).Op(opcodes).Stop(); }

// A torch zip whose one object these opcodes make.
std::string Zip(std::string_view opcodes, const std::vector<StorageSpec>& storages = {}, bool deflate = false) {
  fixtures::ZipShape shape = fixtures::TorchZipShape(Pickle(opcodes), storages);
  shape.parts[0].deflate = deflate;
  return fixtures::WriteZip(shape);
}

std::string Dict(std::string_view key, std::string_view value) {
  return Ending(PickleAssembler().EmptyDict().Text(key).Op(value).Op("s").Stop());
}

std::string LegacyTensor(uint64_t numel) {
  const std::vector<StorageSpec> storages = {FloatStorage("94", numel)};
  const auto size = static_cast<int64_t>(numel);
  PickleAssembler out;
  fixtures::PushTensor(out.Proto(2), {.storage = 0, .shape = {size}, .stride = {1}}, storages, true);
  return fixtures::TorchLegacyFile(out.Stop(), storages);
}

// As torch pickles a storage: a legacy stream whose object is the storage itself.
std::string LegacyStorage(uint64_t numel) {
  const std::vector<StorageSpec> storages = {FloatStorage("94", numel)};
  PickleAssembler out;
  fixtures::PushStorage(out.Proto(2), storages[0], true);
  return fixtures::TorchLegacyFile(out.Stop(), storages);
}

std::string ZipTensor(uint64_t numel) {
  const std::vector<StorageSpec> storages = {FloatStorage("0", numel)};
  const auto size = static_cast<int64_t>(numel);
  PickleAssembler out;
  fixtures::PushTensor(out, {.storage = 0, .shape = {size}, .stride = {1}}, storages, false);
  return Zip(Ending(out.Stop()), storages);
}

// Opcodes of a tensor over the storage that these opcodes push.
std::string TensorOver(std::string_view storage, int64_t numel) {
  PickleAssembler out;
  out.Global("torch._utils", "_rebuild_tensor_v2").Mark().Op(storage).Int(0).Mark().Int(numel).Tuple().Mark().Int(1);
  return Ending(out.Tuple().Bool(false).EmptyOrderedDict().Tuple().Reduce().Stop());
}

const pickle::Graph& GraphOf(const Decoded& decoded) { return decoded.checkpoint.context.graph; }

// The value of the only key of the root.
NodeId OnlyValue(const Decoded& decoded) { return GraphOf(decoded).children(decoded.checkpoint.root)[1]; }

bool IsDangerous(const Decoded& decoded) {
  return std::ranges::any_of(decoded.checkpoint.context.findings,
                             [](const pickle::Finding& finding) { return finding.severity == Severity::kDanger; });
}

const pickle::Finding* FindingOf(const Decoded& decoded, std::string_view id) {
  const auto& findings = decoded.checkpoint.context.findings;
  const auto found = std::ranges::find(findings, id, &pickle::Finding::id);
  return found == findings.end() ? nullptr : &*found;
}

pickle::SymbolClass ClassOf(const Decoded& decoded, std::string_view name) {
  for (const pickle::SymbolUse& use : decoded.checkpoint.context.symbols.all()) {
    if (use.module + "." + use.name == name) return use.symbol_class;
  }
  return pickle::SymbolClass{};
}

// A plain pickle in a plain pickle ..., so many levels of them below the zip.
std::string Levels(int levels, std::string_view innermost) {
  std::string stream = Pickle(innermost);
  for (int i = 1; i < levels; ++i) stream = Pickle(Bytes(stream));
  return Zip(Bytes(stream));
}

TEST(NestedStreams, AValueThatIsAStreamHasBothItsBytesAndWhatTheyHold) {
  const std::string inner = Pickle(
      "]K\x01"
      "aK\x02"
      "a");
  const Decoded decoded = DecodeBytes(Zip(Dict("state", Bytes(inner))));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const NodeId stream = OnlyValue(decoded);
  ASSERT_TRUE(GraphOf(decoded).is(stream, Kind::kStream));
  EXPECT_EQ(GraphOf(decoded).text(GraphOf(decoded).children(stream)[0]), inner);
  EXPECT_EQ(GraphOf(decoded).children(GraphOf(decoded).children(stream)[1]).size(), 2U);
  ASSERT_EQ(decoded.checkpoint.nested.size(), 1U);
  EXPECT_EQ(decoded.checkpoint.nested[0].where, "state");
  EXPECT_EQ(decoded.checkpoint.nested[0].format, Format::kPickle);
  EXPECT_EQ(decoded.checkpoint.nested[0].level, 1U);
  EXPECT_TRUE(decoded.checkpoint.context.findings.empty());
}

class NestedFormats : public testing::TestWithParam<bool> {
 protected:
  static std::string Stream(uint64_t numel) { return GetParam() ? ZipTensor(numel) : LegacyTensor(numel); }
};

TEST_P(NestedFormats, StoragesOfALongStreamAreSpansOfTheFile) {
  const Decoded decoded = DecodeBytes(Zip(Dict("w", Bytes(Stream(kLongFloats)))));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const tensors::Storage& storage = decoded.checkpoint.tables.storages()[0];
  EXPECT_EQ(storage.place, Place::kInput);
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", kLongFloats).bytes);
  // What stands in the file is not sent twice.
  EXPECT_TRUE(GraphOf(decoded).is(GraphOf(decoded).children(OnlyValue(decoded))[0], Kind::kNone));
  EXPECT_EQ(decoded.checkpoint.nested.at(0).format, GetParam() ? Format::kTorchZip : Format::kTorchLegacy);
  EXPECT_FALSE(decoded.HasFinding("zip.wrong-crc"));
}

TEST_P(NestedFormats, StoragesOfAShortStreamAreCopied) {
  const Decoded decoded = DecodeBytes(Zip(Dict("w", Bytes(Stream(6)))));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.tables.storages()[0].place, Place::kOutput);
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", 6).bytes);
}

TEST_P(NestedFormats, StoragesOfALongStreamInDeflatedDataAreCopied) {
  const Decoded decoded = DecodeBytes(Zip(Dict("w", Bytes(Stream(kLongFloats))), {}, true));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.tables.storages()[0].place, Place::kOutput);
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", kLongFloats).bytes);
}

TEST_P(NestedFormats, TorchLoadsItInPlace) {
  const Decoded decoded = DecodeBytes(Zip(Dict("w", Loaded("torch.storage", "_load_from_bytes", Stream(6)))));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(GraphOf(decoded).is(OnlyValue(decoded), Kind::kTensor));
  EXPECT_TRUE(decoded.checkpoint.context.findings.empty());
  EXPECT_EQ(ClassOf(decoded, "torch.storage._load_from_bytes"), pickle::SymbolClass::kKnown);
}

INSTANTIATE_TEST_SUITE_P(All, NestedFormats, testing::Bool(),
                         [](const auto& one) { return one.param ? "Zip" : "Legacy"; });

TEST(NestedStreams, APickledTensorIsOverTheStorageThatItsBytesHold) {
  const std::string storage = Loaded("torch.storage", "_load_from_bytes", LegacyStorage(kLongFloats));
  const Decoded decoded = DecodeBytes(Zip(Dict("w", TensorOver(storage, kLongFloats))));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_TRUE(GraphOf(decoded).is(OnlyValue(decoded), Kind::kTensor));
  EXPECT_EQ(decoded.checkpoint.tables.storages()[0].place, Place::kInput);
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", kLongFloats).bytes);
}

// Two storages may not be one place: torch makes two of the same bytes.
TEST(NestedStreams, BytesThatAreLoadedTwiceMakeTwoStorages) {
  const std::string load = "ctorch.storage\n_load_from_bytes\n";
  const std::string bytes = Bytes(LegacyTensor(kLongFloats));
  const Decoded decoded = DecodeBytes(Zip(load + bytes + "q\x05\x85R" + load + "h\x05\x85R\x86"));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const auto& storages = decoded.checkpoint.tables.storages();
  ASSERT_EQ(storages.size(), 2U);
  EXPECT_EQ(storages[0].place, Place::kInput);
  EXPECT_EQ(storages[1].place, Place::kOutput);
  EXPECT_EQ(TensorBytes(decoded, 0), TensorBytes(decoded, 1));
}

TEST(NestedStreams, PickleLoadsIsCarriedOutAsData) {
  for (const std::string_view module : {"pickle", "_pickle", "cloudpickle", "dill"}) {
    const Decoded decoded = DecodeBytes(Zip(Dict("x", Loaded(module, "loads", Pickle("K\x07")))));
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_EQ(GraphOf(decoded).integer(OnlyValue(decoded)), 7) << module;
    EXPECT_TRUE(decoded.HasFinding("pickle.loader-called"));
    EXPECT_EQ(ClassOf(decoded, std::string(module) + ".loads"), pickle::SymbolClass::kKnown);
  }
}

TEST(NestedStreams, ALoaderOfWhatDoesNotDecodeIsDangerous) {
  const std::string inner = Pickle("K\x07");
  const std::string cases[] = {
      Loaded("pickle", "loads", "garbage"),
      Loaded("pickle", "loads", inner + "more"),
      Loaded("pickle", "loads", LegacyTensor(6)),
      Loaded("torch.storage", "_load_from_bytes", inner),
      Loaded("torch.storage", "_load_from_bytes", LegacyTensor(6).substr(0, 200)),
      "cpickle\nloads\n" + Bytes(inner) + Bytes(inner) + "\x86R",
      "cpickle\nloads\n" + Text("text") + "\x85R",
      "cbuiltins\nmap\ncpickle\nloads\n]" + Bytes(inner) + "a\x86R",
      Loaded("pickle", "loads", inner) + "0cbuiltins\nmap\ncpickle\nloads\n]" + Bytes(inner) + "a\x86R",
  };
  for (const std::string& opcodes : cases) {
    const Decoded decoded = DecodeBytes(Zip(opcodes));
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_TRUE(IsDangerous(decoded)) << testing::PrintToString(opcodes);
  }
}

TEST(NestedStreams, ALoaderThatIsOnlyNamedIsWarnedOf) {
  const Decoded decoded = DecodeBytes(Zip("]cpickle\nloads\na"));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.HasFinding("pickle.dangerous-name"));
  EXPECT_EQ(ClassOf(decoded, "pickle.loads"), pickle::SymbolClass::kDangerous);
}

TEST(NestedStreams, AGadgetIsFoundAtAnyLevelAndSaysWhere) {
  const std::string second = Dict("b", Bytes(Pickle(Dict("c", Gadget()))));
  const Decoded decoded = DecodeBytes(Zip(Dict("a", Bytes(Pickle(second)))));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const pickle::Finding* finding = FindingOf(decoded, "pickle.dangerous-symbol");
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->where, "a.b");
  const auto& symbols = decoded.checkpoint.context.symbols.all();
  EXPECT_EQ(symbols.at(0).level, 2U);
  EXPECT_TRUE(symbols.at(0).would_call);
}

TEST(NestedStreams, AGadgetBelowALoaderIsFound) {
  const std::string third = Loaded("pickle", "loads", Pickle(Gadget()));
  const std::string second = Loaded("torch.storage", "_load_from_bytes", Zip(third));
  const Decoded decoded = DecodeBytes(Zip(Loaded("pickle", "loads", Pickle(second))));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(IsDangerous(decoded));
  EXPECT_EQ(decoded.checkpoint.context.symbols.all().back().level, 3U);
}

TEST(NestedStreams, WhatDoesNotDecodeStaysBytesAndIsNoted) {
  const std::string inner = Pickle("K\x07") + "more";
  const Decoded decoded = DecodeBytes(Zip(Dict("x", Bytes(inner))));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(GraphOf(decoded).text(OnlyValue(decoded)), inner);
  EXPECT_TRUE(decoded.checkpoint.nested.empty());
  const pickle::Finding* finding = FindingOf(decoded, "pickle.undecoded-stream");
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->severity, Severity::kNote);
  EXPECT_EQ(finding->where, "x");
}

TEST(NestedStreams, AGadgetBeforeTheBreakIsFound) {
  const Decoded decoded = DecodeBytes(Zip(Dict("x", Bytes(Pickle(Gadget()) + "more"))));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(GraphOf(decoded).is(OnlyValue(decoded), Kind::kBytes));
  EXPECT_TRUE(IsDangerous(decoded));
}

TEST(NestedStreams, BytesThatAreNoStreamAreLeftAlone) {
  for (const std::string_view bytes : {"", "\x80", "\x80\x01N.", "\x80\x06N.", "PK", "plain bytes"}) {
    const Decoded decoded = DecodeBytes(Zip(Dict("x", Bytes(bytes))));
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_TRUE(GraphOf(decoded).is(OnlyValue(decoded), Kind::kBytes));
    EXPECT_TRUE(decoded.checkpoint.context.findings.empty());
  }
}

TEST(NestedStreams, TextOfLatin1CharactersIsAStreamToo) {
  // b"\x80\x02K\x07." read as Latin-1, as Python 2 wrote and Python 3 reads.
  const Decoded decoded = DecodeBytes(Zip(Dict("x", Text("\xC2\x80\x02K\x07."))));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_TRUE(GraphOf(decoded).is(OnlyValue(decoded), Kind::kStream));
  const Decoded other = DecodeBytes(Zip(Dict("x", Text("\xC2\x80\x02X\x02\0\0\0\xE2\x82\xAC."))));
  ASSERT_TRUE(other.ok()) << other.message();
  EXPECT_TRUE(GraphOf(other).is(OnlyValue(other), Kind::kString));
}

TEST(NestedStreams, AKeyStaysWhatItIsComparedBy) {
  const std::string inner = Bytes(Pickle("K\x07"));
  const Decoded decoded = DecodeBytes(Zip("}" + inner + "q\x05h\x05s"));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const auto pair = GraphOf(decoded).children(decoded.checkpoint.root);
  EXPECT_TRUE(GraphOf(decoded).is(pair[0], Kind::kBytes));
  EXPECT_EQ(decoded.checkpoint.nested.size(), 1U);
}

TEST(NestedStreams, AValueIsDecodedOnceHoweverOftenItIsReferredTo) {
  const Decoded decoded = DecodeBytes(Zip("(" + Bytes(Pickle("K\x07")) + "q\x05h\x05h\x05h\x05l"));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.nested.size(), 1U);
  for (const NodeId item : GraphOf(decoded).children(decoded.checkpoint.root)) {
    EXPECT_TRUE(GraphOf(decoded).is(item, Kind::kStream));
  }
}

// A byte string cannot hold itself, but what holds it can hold itself.
TEST(NestedStreams, ACycleAroundAStreamEnds) {
  const Decoded decoded =
      DecodeBytes(Zip("]q\x06h\x06"
                      "a" +
                      Bytes(Pickle("]q\x01h\x01"
                                   "a")) +
                      "a"));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.nested.size(), 1U);
}

TEST(NestedStreams, SixteenLevelsAreRead) {
  const Decoded decoded = DecodeBytes(Levels(16, Gadget()));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_EQ(decoded.checkpoint.nested.size(), 16U);
  EXPECT_EQ(decoded.checkpoint.nested[15].level, 16U);
  EXPECT_TRUE(IsDangerous(decoded));
}

TEST(NestedStreams, SeventeenLevelsAreOneTooMany) {
  const Decoded decoded = DecodeBytes(Levels(17, "K\x07"));
  ASSERT_EQ(decoded.reason(), Reason::kLimitExceeded);
  EXPECT_STREQ(decoded.result.error().limit->name, "nested");
}

TEST(NestedStreams, LoadersAreLevelsToo) {
  std::string stream = Pickle("K\x07");
  for (int i = 0; i < 16; ++i) stream = Pickle(Loaded("pickle", "loads", stream));
  const Decoded decoded = DecodeBytes(Zip(Loaded("pickle", "loads", stream)));
  ASSERT_EQ(decoded.reason(), Reason::kLimitExceeded);
  EXPECT_STREQ(decoded.result.error().limit->name, "nested");
}

TEST(NestedStreams, NoLimitLetsThemNestWithoutEnd) {
  Limits limits;
  limits.nested = UINT64_MAX;
  const Decoded decoded = DecodeBytes(Levels(65, "K\x07"), limits);
  ASSERT_EQ(decoded.reason(), Reason::kLimitExceeded);
  EXPECT_EQ(decoded.result.error().limit->limit, 64U);
}

TEST(NestedStreams, AHundredThousandTinyStreamsAreReadAndTheFirstAreListed) {
  std::string opcodes = "(";
  const std::string one = Bytes(Pickle("K\x07"));
  for (int i = 0; i < 100'000; ++i) opcodes += one;
  const Decoded decoded = DecodeBytes(Zip(opcodes + "l"));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.nested.size() + decoded.checkpoint.nested_left_out, 100'000U);
  EXPECT_TRUE(decoded.HasFinding("pickle.more-streams"));
}

TEST(NestedStreams, AllLevelsShareOneBudget) {
  Limits limits;
  limits.nodes = 1000;
  std::string inner = "(";
  for (int i = 0; i < 600; ++i) inner += "M\x07\x01";  // a node each, as smaller numbers are not
  const std::string half = Bytes(Pickle(inner + "l"));
  EXPECT_TRUE(DecodeBytes(Zip(half), limits).ok());
  EXPECT_EQ(DecodeBytes(Zip(half + half + "\x86"), limits).reason(), Reason::kLimitExceeded);
}

TEST(LongBytes, StayInTheFileAndTheChecksumIsThatOfAllBytes) {
  const std::string bytes(100'000, 'x');
  const std::string file = Zip(Dict("x", Bytes(bytes)));
  const Decoded decoded = DecodeBytes(file);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const auto span = GraphOf(decoded).span(OnlyValue(decoded));
  ASSERT_TRUE(span.has_value());
  EXPECT_EQ(file.substr(span->offset, span->length), bytes);
  EXPECT_FALSE(decoded.HasFinding("zip.wrong-crc"));
  EXPECT_LT(GraphOf(decoded).string_bytes(), 1000U);
}

TEST(LongBytes, AWrongChecksumIsStillSeen) {
  fixtures::ZipShape shape = fixtures::TorchZipShape(Pickle(Dict("x", Bytes(std::string(100'000, 'x')))), {});
  shape.parts[0].crc = 1;
  shape.parts[0].descriptor_crc = 1;
  const Decoded decoded = DecodeBytes(fixtures::WriteZip(shape));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.HasFinding("zip.wrong-crc"));
}

TEST(LongBytes, InflatedOnesAreCopied) {
  const Decoded decoded = DecodeBytes(Zip(Dict("x", Bytes(std::string(100'000, 'x'))), {}, true));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_FALSE(GraphOf(decoded).span(OnlyValue(decoded)).has_value());
  EXPECT_EQ(GraphOf(decoded).text(OnlyValue(decoded)).size(), 100'000U);
}

}  // namespace
}  // namespace airlock::formats
