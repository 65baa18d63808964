// .npy and .npz: the header's grammar, what it may promise, and archives of arrays.
#include <gtest/gtest.h>

#include <string>

#include "sandbox/formats/npy_header.h"
#include "tests/fixtures/pickle_assembler.h"
#include "tests/fixtures/zip_writer.h"
#include "tests/unit/formats/decoded.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;

std::string Npy(const std::string& header, const std::string& data, int major = 1) {
  std::string file("\x93NUMPY", 6);
  file += static_cast<char>(major);
  file += '\0';
  for (int byte = 0; byte < (major == 1 ? 2 : 4); ++byte) file += static_cast<char>(header.size() >> (8 * byte));
  return file + header + data;
}

std::string Header(const std::string& descr, const std::string& shape, const char* fortran = "False") {
  return "{'descr': " + descr + ", 'fortran_order': " + fortran + ", 'shape': " + shape + ", }   \n";
}

const std::string kSixShorts("\1\0\2\0\3\0\4\0\5\0\6\0", 12);

const pickle::Graph& GraphOf(const Decoded& decoded) { return decoded.checkpoint.context.graph; }

tensors::TensorView ArrayOf(const Decoded& decoded, NodeId node) {
  return decoded.checkpoint.tables.tensor(GraphOf(decoded).tensor(node));
}

TEST(Npy, OfEachVersion) {
  for (int major = 1; major <= 3; ++major) {
    const Decoded decoded = DecodeBytes(Npy(Header("'<i2'", "(2, 3)"), kSixShorts, major));
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_EQ(decoded.checkpoint.format, Format::kNpy);
    ASSERT_EQ(GraphOf(decoded).kind(decoded.checkpoint.root), Kind::kArray);
    const tensors::TensorView array = ArrayOf(decoded, decoded.checkpoint.root);
    EXPECT_EQ(array.dtype, tensors::DType::kInt16);
    EXPECT_EQ(std::vector<uint64_t>(array.stride.begin(), array.stride.end()), (std::vector<uint64_t>{3, 1}));
    EXPECT_EQ(decoded.checkpoint.tables.storages()[0].place, tensors::Place::kInput);
  }
}

TEST(Npy, FortranOrderIsInTheStrides) {
  const Decoded decoded = DecodeBytes(Npy(Header("'<i2'", "(2, 3)", "True"), kSixShorts));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const tensors::TensorView array = ArrayOf(decoded, decoded.checkpoint.root);
  EXPECT_EQ(std::vector<uint64_t>(array.stride.begin(), array.stride.end()), (std::vector<uint64_t>{1, 2}));
}

TEST(Npy, BigEndianElementsAreTurned) {
  const Decoded decoded = DecodeBytes(Npy(Header("'>i2'", "(1,)"), std::string("\0\7", 2)));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_EQ(decoded.checkpoint.tables.storages()[0].place, tensors::Place::kOutput);
  char bytes[2] = {};
  ASSERT_EQ(::pread(decoded.output.get(), bytes, 2, 0), 2);
  EXPECT_EQ(bytes[0], 7);
}

TEST(Npy, OtherFormsThatNumpyWroteOnce) {
  for (const char* header : {"{'shape': (3L, 2L), 'fortran_order': False, 'descr': '<i2'}\n",
                             "{\"descr\": \"<i2\", \"fortran_order\": False, \"shape\": (6,)}",
                             "{'descr': '<i2', 'fortran_order': False, 'shape': (6, 1, ), }"}) {
    const Decoded decoded = DecodeBytes(Npy(header, kSixShorts));
    EXPECT_TRUE(decoded.ok()) << header << ": " << decoded.message();
  }
}

TEST(Npy, StringsAreARecordOfTheirBytes) {
  const Decoded decoded = DecodeBytes(Npy(Header("'|S3'", "(2,)"), "abcdef"));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_EQ(GraphOf(decoded).kind(decoded.checkpoint.root), Kind::kRecord);
  const auto args = GraphOf(decoded).children(GraphOf(decoded).record(decoded.checkpoint.root).args);
  ASSERT_EQ(args.size(), 6U);
  EXPECT_EQ(GraphOf(decoded).text(args[1]), "|S3");
  EXPECT_EQ(GraphOf(decoded).text(args[2]), "abcdef");
}

TEST(Npy, ObjectsAreAPickleUnderTheSameRules) {
  const std::string header = Header("'|O'", "(1,)");
  const Decoded good = DecodeBytes(Npy(header, "\x80\x03]K\1a."));
  EXPECT_TRUE(good.ok()) << good.message();
  const Decoded hostile = DecodeBytes(Npy(header, "cos\nsystem\n(S'true'\ntR."));
  EXPECT_TRUE(hostile.HasFinding("pickle.dangerous-symbol"));
  EXPECT_EQ(DecodeBytes(Npy(header, "\x80\x03]K\1a.x")).reason(), Reason::kTrailingBytes);
}

struct BadRow {
  const char* name;
  std::string bytes;
  Reason reason;
};

class BadNpy : public testing::TestWithParam<BadRow> {};

TEST_P(BadNpy, IsRefused) {
  const Decoded decoded = DecodeBytes(GetParam().bytes);
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
}

std::string Bad(const std::string& header) { return Npy(header, kSixShorts); }

INSTANTIATE_TEST_SUITE_P(
    All, BadNpy,
    testing::Values(
        BadRow{"Expression", Bad("{'descr': '<i2', 'fortran_order': False, 'shape': (2*3,)}"), Reason::kNpyMalformed},
        BadRow{"Call", Bad("{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (6,)}"),
               Reason::kNpyMalformed},
        BadRow{"NestedParentheses", Bad(std::string(60'000, '(')), Reason::kNpyMalformed},
        BadRow{"NestedLists", Bad("{'descr': " + std::string(60'000, '[')), Reason::kNpyMalformed},
        BadRow{"NestedShape", Bad(Header("'<i2'", "((6,),)")), Reason::kNpyMalformed},
        BadRow{"NegativeSize", Bad(Header("'<i2'", "(-6,)")), Reason::kNpyMalformed},
        BadRow{"HugeSize", Bad(Header("'<i2'", "(18446744073709551616,)")), Reason::kNpyMalformed},
        BadRow{"UncountableShape", Bad(Header("'<i2'", "(4294967296, 4294967296)")), Reason::kTensorOutOfBounds},
        BadRow{"WrappingBytes", Bad(Header("'<f8'", "(4611686018427387905,)")), Reason::kTensorOutOfBounds},
        BadRow{"MoreThanTheFile", Bad(Header("'<f8'", "(4294967296,)")), Reason::kTruncated},
        BadRow{"LessThanTheFile", Bad(Header("'<i2'", "(5,)")), Reason::kTrailingBytes},
        BadRow{"ShapeIsNoTuple", Bad(Header("'<i2'", "(6)")), Reason::kNpyMalformed},
        BadRow{"LeadingZero", Bad(Header("'<i2'", "(06,)")), Reason::kNpyMalformed},
        BadRow{"KeyTwice", Bad("{'descr': '<i2', 'descr': '<i4', 'fortran_order': False, 'shape': (6,)}"),
               Reason::kNpyMalformed},
        BadRow{"KeyMissing", Bad("{'descr': '<i2', 'shape': (6,)}"), Reason::kNpyMalformed},
        BadRow{"KeyUnknown", Bad("{'descr': '<i2', 'fortran_order': False, 'shape': (6,), 'x': 1}"),
               Reason::kNpyMalformed},
        BadRow{"FortranIsANumber", Bad(Header("'<i2'", "(6,)", "1")), Reason::kNpyMalformed},
        BadRow{"Escape", Bad(Header("'<i\\x32'", "(6,)")), Reason::kNpyMalformed},
        BadRow{"BehindTheDict", Bad(Header("'<i2'", "(6,)") + "#"), Reason::kNpyMalformed},
        BadRow{"NoDict", Bad("[]"), Reason::kNpyMalformed},
        BadRow{"Structure", Bad(Header("[('a', '<i2'), ('b', '<i4', (2,))]", "(1,)")), Reason::kTrailingBytes},
        BadRow{"UnknownType", Bad(Header("'<q9'", "(6,)")), Reason::kUnsupportedFeature},
        BadRow{"Version4", Npy(Header("'<i2'", "(6,)"), kSixShorts, 4), Reason::kUnsupportedFeature},
        BadRow{"HeaderLongerThanTheFile", Npy("", "").substr(0, 8) + "\xFF\xFF{", Reason::kTruncated},
        BadRow{"HeaderOfAGigabyte", std::string("\x93NUMPY\2\0\0\0\0\x40", 12) + "{", Reason::kNpyMalformed},
        BadRow{"ManyDimensions",
               Bad(Header("'<i2'",
                          [] {
                            std::string shape = "(";
                            for (int i = 0; i < 65; ++i) shape += "1, ";
                            return shape + ")";
                          }())),
               Reason::kLimitExceeded}),
    [](const auto& row) { return row.param.name; });

TEST(Npy, CutAnywhereIsAnError) {
  const std::string whole = Npy(Header("'<i2'", "(2, 3)"), kSixShorts);
  for (size_t length = 6; length < whole.size(); ++length) {
    EXPECT_FALSE(DecodeBytes(std::string_view(whole).substr(0, length)).ok()) << length;
  }
}

// --- npz ---

fixtures::ZipPart Member(const char* name, bool deflate, const std::string& descr = "'<i2'") {
  return {.name = name, .data = Npy(Header(descr, "(6,)"), kSixShorts), .deflate = deflate, .torch_style = false};
}

TEST(Npz, MembersAreArraysByName) {
  const Decoded decoded =
      DecodeBytes(fixtures::WriteZip({.parts = {Member("first.npy", false), Member("sub/second.npy", true)}}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kNpz);
  const auto pairs = GraphOf(decoded).children(decoded.checkpoint.root);
  ASSERT_EQ(pairs.size(), 4U);
  EXPECT_EQ(GraphOf(decoded).text(pairs[0]), "first");
  EXPECT_EQ(GraphOf(decoded).text(pairs[2]), "sub/second");
  const auto& storages = decoded.checkpoint.tables.storages();
  EXPECT_EQ(storages[0].place, tensors::Place::kInput);
  EXPECT_EQ(storages[1].place, tensors::Place::kOutput);
  std::string bytes(12, '\0');
  ASSERT_EQ(::pread(decoded.output.get(), bytes.data(), bytes.size(), static_cast<off_t>(storages[1].offset)), 12);
  EXPECT_EQ(bytes, kSixShorts);
}

TEST(Npz, AMemberThatIsNoArray) {
  const Decoded decoded = DecodeBytes(fixtures::WriteZip(
      {.parts = {Member("a.npy", false), {.name = "b.npy", .data = "not an array", .torch_style = false}}}));
  EXPECT_EQ(decoded.reason(), Reason::kNpyMalformed);
  EXPECT_NE(decoded.message().find("b.npy"), std::string::npos);
}

TEST(Npz, AWrongChecksumIsNoted) {
  fixtures::ZipPart part = Member("a.npy", true);
  part.crc = 7;
  const Decoded decoded = DecodeBytes(fixtures::WriteZip({.parts = {part}}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.HasFinding("zip.wrong-crc"));
}

TEST(Npz, NodesAreLimited) {
  Limits limits;
  limits.nodes = 4;
  const Decoded decoded =
      DecodeBytes(fixtures::WriteZip({.parts = {Member("a.npy", false), Member("b.npy", false)}}), limits);
  EXPECT_EQ(decoded.reason(), Reason::kLimitExceeded);
}

}  // namespace
}  // namespace airlock::formats
