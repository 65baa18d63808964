// GGUF: what comes out, and each number of a file telling a lie once.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/fixtures/gguf_writer.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

using fixtures::GgufShape;
using fixtures::GgufTensor;
using fixtures::GgufValue;
using fixtures::Little;
using fixtures::WriteGguf;
using pickle::Graph;
using pickle::Kind;
using pickle::NodeId;

constexpr Reason kFine = static_cast<Reason>(0);
constexpr Reason kBad = Reason::kGgufMalformed;

GgufShape Sample() {
  return {.values = {{.key = "general.architecture", .type = 8, .bytes = fixtures::GgufString("llama")},
                     {.key = "layers", .type = 4, .bytes = Little(uint32_t{7})},
                     {.key = "eps", .type = 6, .bytes = Little(0.5F)},
                     {.key = "tokens",
                      .type = 9,
                      .bytes = Little(uint32_t{8}) + Little(uint64_t{2}) + fixtures::GgufString("a") +
                               fixtures::GgufString("\xFF")}},
          .tensors = {{.name = "norm.weight", .dims = {3}, .type = 0, .data = std::string(12, 'n')},
                      {.name = "blk.weight", .dims = {64, 2}, .type = 2, .data = std::string(72, 'q')},
                      {.name = "half", .dims = {2, 3}, .type = 1, .data = std::string(12, 'h')}}};
}

NodeId Value(const Decoded& decoded, NodeId dict, std::string_view key) {
  const Graph& graph = decoded.checkpoint.context.graph;
  const auto pairs = graph.children(dict);
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (graph.text(pairs[i]) == key) return pairs[i + 1];
  }
  return pickle::kNoNode;
}

TEST(Gguf, TensorsAreInTorchsOrder) {
  const Decoded decoded = DecodeBytes(WriteGguf(Sample()));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kGguf);
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[0].name, "norm.weight");
  EXPECT_EQ(listed[0].dtype, "float32");
  EXPECT_EQ(listed[2].dtype, "float16");
  EXPECT_EQ(listed[2].shape, (std::vector<uint64_t>{3, 2}));
  EXPECT_EQ(listed[2].stride, (std::vector<uint64_t>{2, 1}));
  EXPECT_EQ(TensorBytes(decoded, 2), std::string(12, 'h'));
}

TEST(Gguf, QuantisedTensorsAreRowsOfBytes) {
  const Decoded decoded = DecodeBytes(WriteGguf(Sample()));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const ListedTensor blocks = ListTensors(decoded)[1];
  EXPECT_EQ(blocks.dtype, "uint8");
  EXPECT_EQ(blocks.shape, (std::vector<uint64_t>{2, 36}));
  EXPECT_EQ(TensorBytes(decoded, 1), std::string(72, 'q'));
  const NodeId types = Value(decoded, decoded.checkpoint.root, "__types__");
  EXPECT_EQ(decoded.checkpoint.context.graph.children(types).size(), 2U);
  EXPECT_EQ(decoded.checkpoint.context.graph.text(Value(decoded, types, "blk.weight")), "Q4_0");
}

TEST(Gguf, ValuesAreData) {
  const Decoded decoded = DecodeBytes(WriteGguf(Sample()));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const Graph& graph = decoded.checkpoint.context.graph;
  const NodeId metadata = Value(decoded, decoded.checkpoint.root, "__metadata__");
  EXPECT_EQ(graph.text(Value(decoded, metadata, "general.architecture")), "llama");
  EXPECT_EQ(graph.integer(Value(decoded, metadata, "layers")), 7);
  EXPECT_EQ(graph.real(Value(decoded, metadata, "eps")), 0.5);
  const auto tokens = graph.children(Value(decoded, metadata, "tokens"));
  ASSERT_EQ(tokens.size(), 2U);
  EXPECT_TRUE(graph.is(tokens[0], Kind::kString));
  EXPECT_TRUE(graph.is(tokens[1], Kind::kBytes));  // no UTF-8
}

TEST(Gguf, EveryTypeOfValue) {
  const auto value = [](uint32_t type, const std::string& bytes) {
    Decoded decoded = DecodeBytes(WriteGguf({.values = {{.key = "k", .type = type, .bytes = bytes}}}));
    EXPECT_TRUE(decoded.ok()) << type << ": " << decoded.message();
    return decoded;
  };
  const auto integer = [&](uint32_t type, const std::string& bytes) {
    const Decoded decoded = value(type, bytes);
    return decoded.checkpoint.context.graph.integer(
        Value(decoded, Value(decoded, decoded.checkpoint.root, "__metadata__"), "k"));
  };
  EXPECT_EQ(integer(0, Little(uint8_t{200})), 200);
  EXPECT_EQ(integer(1, Little(int8_t{-5})), -5);
  EXPECT_EQ(integer(2, Little(uint16_t{60000})), 60000);
  EXPECT_EQ(integer(3, Little(int16_t{-60})), -60);
  EXPECT_EQ(integer(4, Little(uint32_t{4000000000})), 4000000000);
  EXPECT_EQ(integer(5, Little(int32_t{-4})), -4);
  EXPECT_EQ(integer(10, Little(uint64_t{1} << 40)), int64_t{1} << 40);
  EXPECT_EQ(integer(11, Little(int64_t{-9})), -9);
  const auto kind = [&](uint32_t type, const std::string& bytes) {
    const Decoded decoded = value(type, bytes);
    return decoded.checkpoint.context.graph.kind(
        Value(decoded, Value(decoded, decoded.checkpoint.root, "__metadata__"), "k"));
  };
  EXPECT_EQ(kind(7, "\x01"), Kind::kTrue);
  EXPECT_EQ(kind(7, std::string(1, '\0')), Kind::kFalse);
  EXPECT_EQ(kind(10, Little(UINT64_MAX)), Kind::kBigInt);
  EXPECT_EQ(kind(12, Little(0.25)), Kind::kFloat);
  EXPECT_EQ(kind(9, Little(uint32_t{0}) + Little(uint64_t{0})), Kind::kList);
}

TEST(Gguf, WithoutTensors) {
  EXPECT_TRUE(DecodeBytes(WriteGguf({})).ok());
  GgufShape cut = {.values = {{.key = "k", .type = 0, .bytes = "x"}}, .pad_end = false};
  EXPECT_TRUE(DecodeBytes(WriteGguf(cut)).ok());
}

TEST(Gguf, EndMayBePaddedOrNot) {
  GgufShape shape = Sample();
  EXPECT_TRUE(DecodeBytes(WriteGguf(shape)).ok());
  shape.pad_end = false;
  EXPECT_TRUE(DecodeBytes(WriteGguf(shape)).ok());
  EXPECT_EQ(DecodeBytes(WriteGguf(shape) + "x").reason(), kBad);
  shape.pad_end = true;
  EXPECT_EQ(DecodeBytes(WriteGguf(shape) + "x").reason(), Reason::kTrailingBytes);
  EXPECT_EQ(DecodeBytes(WriteGguf(shape) + std::string(32, '\0')).reason(), Reason::kTrailingBytes);
}

TEST(Gguf, OtherAlignment) {
  GgufShape shape = Sample();
  shape.values.push_back({.key = "general.alignment", .type = 4, .bytes = Little(uint32_t{256})});
  shape.alignment = 256;
  const Decoded decoded = DecodeBytes(WriteGguf(shape));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(TensorBytes(decoded, 0), std::string(12, 'n'));
  EXPECT_EQ(decoded.checkpoint.tables.storages()[1].offset % 256, 0U);
}

struct Row {
  const char* name;
  Reason reason;
  std::string file;
};

std::string With(void (*change)(GgufShape&)) {
  GgufShape shape = Sample();
  change(shape);
  return WriteGguf(shape);
}

std::string OneValue(uint32_t type, const std::string& bytes) {
  return WriteGguf({.values = {{.key = "k", .type = type, .bytes = bytes}}});
}

std::string OneTensor(const GgufTensor& tensor) { return WriteGguf({.tensors = {tensor}}); }

std::string Alignment(uint32_t type, const std::string& bytes) {
  return WriteGguf({.values = {{.key = "general.alignment", .type = type, .bytes = bytes}}});
}

class GgufRule : public testing::TestWithParam<Row> {};

TEST_P(GgufRule, EndsAsItShould) {
  const Decoded decoded = DecodeBytes(GetParam().file);
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
}

const Row kRows[] = {
    {"Right", kFine, WriteGguf(Sample())},
    {"VersionTwo", kFine, With([](GgufShape& s) { s.version = 2; })},
    {"VersionOne", Reason::kUnsupportedFeature, With([](GgufShape& s) { s.version = 1; })},
    {"VersionFour", Reason::kUnsupportedFeature, With([](GgufShape& s) { s.version = 4; })},
    {"BigEndian", Reason::kUnsupportedFeature, With([](GgufShape& s) { s.version = 3U << 24; })},
    {"OnlyMagic", Reason::kTruncated, "GGUF"},
    // CVE-2024-23496, CVE-2024-21825: counts that wrap in an allocation.
    {"TooManyPairs", Reason::kTruncated, With([](GgufShape& s) { s.pair_count = uint64_t{1} << 60; })},
    {"PairsThatWrap", Reason::kTruncated, With([](GgufShape& s) { s.pair_count = UINT64_MAX; })},
    // CVE-2024-23605
    {"TooManyTensors", Reason::kLimitExceeded, With([](GgufShape& s) { s.tensor_count = uint64_t{1} << 60; })},
    {"TensorsThatAreNotThere", Reason::kTruncated, With([](GgufShape& s) { s.tensor_count = 1000000; })},
    // CVE-2024-21802, CVE-2026-33298: sizes that wrap.
    {"StringLongerThanTheFile", Reason::kTruncated, OneValue(8, Little(uint64_t{1} << 40) + "abc")},
    {"StringLengthThatWraps", Reason::kTruncated, OneValue(8, Little(UINT64_MAX) + "abc")},
    {"KeyLengthThatWraps", Reason::kTruncated, With([](GgufShape& s) { s.values[1].key_length = UINT64_MAX; })},
    {"TensorNameLengthThatWraps", Reason::kTruncated,
     With([](GgufShape& s) { s.tensors[1].name_length = UINT64_MAX; })},
    // CVE-2024-21836
    {"ArrayLongerThanTheFile", Reason::kTruncated, OneValue(9, Little(uint32_t{10}) + Little(uint64_t{1} << 40))},
    {"ArrayLengthThatWraps", Reason::kTruncated,
     OneValue(9, Little(uint32_t{10}) + Little((uint64_t{1} << 61) + 1) + std::string(8, 'x'))},
    {"ArrayOfUnknownType", kBad, OneValue(9, Little(uint32_t{13}) + Little(uint64_t{1}) + std::string(8, 'x'))},
    {"ArrayOfArrays", Reason::kUnsupportedFeature,
     OneValue(9, Little(uint32_t{9}) + Little(uint64_t{1}) + std::string(16, 'x'))},
    {"ValueOfUnknownType", kBad, OneValue(13, "x")},
    {"TruthOfTwo", kBad, OneValue(7, "\x02")},
    {"KeyTwice", kBad, With([](GgufShape& s) { s.values[1].key = "eps"; })},
    {"KeyIsEmpty", kBad, With([](GgufShape& s) { s.values[1].key = ""; })},
    {"KeyWithNul", kBad, With([](GgufShape& s) { s.values[1].key = std::string("a\0b", 3); })},
    {"KeyIsNoText", kBad, With([](GgufShape& s) { s.values[1].key = "\xFF"; })},
    {"NameTwice", kBad, With([](GgufShape& s) { s.tensors[1].name = "half"; })},
    {"NameIsReserved", kBad, With([](GgufShape& s) { s.tensors[1].name = "__metadata__"; })},
    {"OtherNameIsReserved", kBad, With([](GgufShape& s) { s.tensors[1].name = "__types__"; })},
    {"AlignmentOfNothing", kBad, Alignment(4, Little(uint32_t{0}))},
    {"AlignmentOfThree", kBad, Alignment(4, Little(uint32_t{3}))},
    {"AlignmentIsText", kBad, Alignment(8, fixtures::GgufString("32"))},
    {"AlignmentIsHuge", Reason::kUnsupportedFeature, Alignment(4, Little(uint32_t{1} << 31))},
    {"FiveDimensions", kBad, OneTensor({.name = "a", .dims = {1, 1, 1, 1, 1}, .data = "abcd"})},
    {"ManyDimensions", kBad, With([](GgufShape& s) { s.tensors[0].rank = UINT32_MAX; })},
    // CVE-2025-53630, CVE-2026-27940: products and sums that wrap.
    {"ElementsThatWrap", kBad,
     OneTensor({.name = "a", .dims = {uint64_t{1} << 32, uint64_t{1} << 32}, .data = "abcd"})},
    {"ElementsBesideNoneThatWrap", kBad,
     OneTensor({.name = "a", .dims = {0, uint64_t{1} << 32, uint64_t{1} << 32}, .data = ""})},
    {"BytesThatWrap", kBad, OneTensor({.name = "a", .dims = {(uint64_t{1} << 62) + 1}, .data = "abcd"})},
    {"NegativeDimension", kBad, OneTensor({.name = "a", .dims = {UINT64_MAX}, .data = "abcd"})},
    {"OffsetThatWraps", kBad, With([](GgufShape& s) { s.tensors[1].offset = UINT64_MAX - 31; })},
    {"OffsetNotAligned", kBad, With([](GgufShape& s) { s.tensors[1].offset = 33; })},
    {"OffsetLeavesAHole", kBad, With([](GgufShape& s) { s.tensors[1].offset = 64; })},
    {"OffsetOverlaps", kBad, With([](GgufShape& s) { s.tensors[1].offset = 0; })},
    // CVE-2026-7482: the tensor's bytes end behind the file's.
    {"DataCut", Reason::kTruncated, OneTensor({.name = "a", .dims = {1000}, .data = "abcd"})},
    {"UnknownType", Reason::kUnsupportedFeature, OneTensor({.name = "a", .dims = {32}, .type = 4, .data = "abcd"})},
    {"TypeOfTheFuture", Reason::kUnsupportedFeature,
     OneTensor({.name = "a", .dims = {32}, .type = UINT32_MAX, .data = "abcd"})},
    {"HalfABlock", kBad, OneTensor({.name = "a", .dims = {16}, .type = 2, .data = std::string(9, 'x')})},
    {"BlockWithoutDimensions", kBad, OneTensor({.name = "a", .type = 2, .data = std::string(18, 'x')})},
    {"BytesBetweenTensors", kBad, With([](GgufShape& s) { s.fill = 'x'; })},
    {"NoElements", kFine, OneTensor({.name = "a", .dims = {0, 4}, .data = ""})},
    {"NoDimensions", kFine, OneTensor({.name = "a", .data = "abcd"})},
};

INSTANTIATE_TEST_SUITE_P(All, GgufRule, testing::ValuesIn(kRows), [](const auto& row) { return row.param.name; });

// Of which all items are one node.
TEST(Gguf, ItemsOfAllArraysCount) {
  const std::string array = Little(uint32_t{0}) + Little(uint64_t{5}) + std::string(5, '\1');
  const std::string truths = Little(uint32_t{7}) + Little(uint64_t{5}) + std::string(5, '\1');
  const std::string file =
      WriteGguf({.values = {{.key = "a", .type = 9, .bytes = array}, {.key = "b", .type = 9, .bytes = truths}}});
  Limits limits;
  limits.opcodes = 10;
  EXPECT_EQ(DecodeBytes(file, limits).reason(), kFine);
  limits.opcodes = 9;
  EXPECT_EQ(DecodeBytes(file, limits).reason(), Reason::kLimitExceeded);
}

TEST(Gguf, LimitsAreExact) {
  const auto reason = [](uint64_t Limits::*field, uint64_t value) {
    Limits limits;
    limits.*field = value;
    return DecodeBytes(WriteGguf(Sample()), limits).reason();
  };
  const Decoded decoded = DecodeBytes(WriteGguf(Sample()));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(reason(&Limits::tensors, 3), kFine);
  EXPECT_EQ(reason(&Limits::tensors, 2), Reason::kLimitExceeded);
  const uint64_t nodes = decoded.checkpoint.context.graph.size();
  EXPECT_EQ(reason(&Limits::nodes, nodes + 10), kFine);
  EXPECT_EQ(reason(&Limits::nodes, nodes - 1), Reason::kLimitExceeded);
  const uint64_t items = decoded.checkpoint.context.opcodes;
  EXPECT_EQ(reason(&Limits::opcodes, items), kFine);
  EXPECT_EQ(reason(&Limits::opcodes, items - 1), Reason::kLimitExceeded);
  const uint64_t bytes = decoded.checkpoint.context.graph.string_bytes();
  EXPECT_EQ(reason(&Limits::string_bytes, bytes), kFine);
  EXPECT_EQ(reason(&Limits::string_bytes, bytes / 2), Reason::kLimitExceeded);
}

}  // namespace
}  // namespace airlock::formats
