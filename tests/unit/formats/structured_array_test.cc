// Arrays whose elements have fields: where the arrays of the fields are, and what no numpy array has.
#include <gtest/gtest.h>

#include <string>

#include "tests/fixtures/pickle_assembler.h"
#include "tests/unit/formats/decoded.h"

namespace airlock::formats {
namespace {

using fixtures::PickleAssembler;
using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;
using tensors::DType;
using tensors::Place;

std::string Npy(const std::string& descr, const std::string& shape, const std::string& data,
                const char* fortran = "False", char version = 1) {
  const std::string header = "{'descr': " + descr + ", 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
  std::string file("\x93NUMPY", 6);
  file += {version, '\0', static_cast<char>(header.size()), static_cast<char>(header.size() >> 8)};
  if (version > 1) file += std::string(2, '\0');
  return file + header + data;
}

// 0, 1, 2 ...
std::string Counting(size_t bytes) {
  std::string data(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) data[i] = static_cast<char>(i);
  return data;
}

const pickle::Graph& GraphOf(const Decoded& decoded) { return decoded.checkpoint.context.graph; }

// What the record of a structured array has under a name.
NodeId FieldOf(const Decoded& decoded, std::string_view name, NodeId record) {
  const pickle::Graph& graph = GraphOf(decoded);
  if (!graph.is(record, Kind::kRecord) || graph.record(record).pairs == kNoNode) return kNoNode;
  const auto pairs = graph.children(graph.record(record).pairs);
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (graph.text(pairs[i]) == name) return pairs[i + 1];
  }
  return kNoNode;
}
NodeId FieldOf(const Decoded& decoded, std::string_view name) {
  return FieldOf(decoded, name, decoded.checkpoint.root);
}

struct Seen {
  DType dtype = DType::kNone;
  Place place = Place::kInput;
  std::vector<uint64_t> shape;
  std::vector<uint64_t> stride;
  uint64_t offset = 0;
  bool operator==(const Seen&) const = default;
};
Seen ArrayOf(const Decoded& decoded, NodeId node) {
  if (!GraphOf(decoded).is(node, Kind::kArray)) return {};
  const tensors::TensorView view = decoded.checkpoint.tables.tensor(GraphOf(decoded).tensor(node));
  return {view.dtype,
          decoded.checkpoint.tables.storages()[view.storage].place,
          {view.shape.begin(), view.shape.end()},
          {view.stride.begin(), view.stride.end()},
          view.offset};
}

std::string OutputOf(const Decoded& decoded, NodeId node) {
  const tensors::TensorView view = decoded.checkpoint.tables.tensor(GraphOf(decoded).tensor(node));
  const tensors::Storage& storage = decoded.checkpoint.tables.storages()[view.storage];
  std::string bytes(storage.nbytes, '\0');
  EXPECT_EQ(::pread(decoded.output.get(), bytes.data(), bytes.size(), static_cast<off_t>(storage.offset)),
            static_cast<ssize_t>(bytes.size()));
  return bytes;
}

TEST(StructuredArray, FieldsThatStandRightAreViewsOfTheFile) {
  const Decoded decoded = DecodeBytes(Npy("[('x', '<f4'), ('', '|V4'), ('y', '<i8', (2,))]", "(3,)", Counting(72)));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(ArrayOf(decoded, FieldOf(decoded, "x")), (Seen{DType::kFloat32, Place::kInput, {3}, {6}, 0}));
  EXPECT_EQ(ArrayOf(decoded, FieldOf(decoded, "y")), (Seen{DType::kInt64, Place::kInput, {3, 2}, {3, 1}, 1}));
  EXPECT_EQ(decoded.checkpoint.tables.storages().size(), 1U);
  EXPECT_EQ(FieldOf(decoded, ""), kNoNode);
}

TEST(StructuredArray, TheRecordSaysShapeAndType) {
  const Decoded decoded =
      DecodeBytes(Npy("[(('t', 'x'), '>i2'), ('s', [('y', '<i4', (1, 2))])]", "(2, 1)", Counting(20)));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const pickle::Graph& graph = GraphOf(decoded);
  const auto args = graph.children(graph.record(decoded.checkpoint.root).args);
  ASSERT_EQ(args.size(), 2U);
  ASSERT_EQ(graph.children(args[0]).size(), 2U);
  EXPECT_EQ(graph.integer(graph.children(args[0])[0]), 2);
  const auto dict = graph.children(graph.children(graph.record(args[1]).args)[0]);
  ASSERT_EQ(dict.size(), 10U);
  EXPECT_EQ(graph.text(graph.children(dict[1])[0]), "x");
  EXPECT_EQ(graph.text(graph.children(dict[3])[0]), ">i2");
  EXPECT_EQ(graph.kind(graph.children(dict[3])[1]), Kind::kRecord);
  EXPECT_EQ(graph.integer(graph.children(dict[5])[1]), 2);
  EXPECT_EQ(graph.text(graph.children(dict[7])[0]), "t");
  EXPECT_EQ(graph.text(dict[8]), "itemsize");
  EXPECT_EQ(graph.integer(dict[9]), 10);
}

TEST(StructuredArray, FieldsThatDoNotAreGathered) {
  const Decoded decoded =
      DecodeBytes(Npy("[('a', '|u1'), ('b', '>i2'), ('s', '|S2'), ('n', [('c', '<i2')], (2,))]", "(2,)", Counting(18)));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(ArrayOf(decoded, FieldOf(decoded, "a")), (Seen{DType::kUInt8, Place::kOutput, {2}, {1}, 0}));
  EXPECT_EQ(OutputOf(decoded, FieldOf(decoded, "a")), std::string("\0\x09", 2));
  EXPECT_EQ(OutputOf(decoded, FieldOf(decoded, "b")), std::string("\2\1\x0b\x0a", 4));
  const NodeId text = FieldOf(decoded, "s");
  const auto args = GraphOf(decoded).children(GraphOf(decoded).record(text).args);
  EXPECT_EQ(GraphOf(decoded).text(args[1]), "|S2");
  EXPECT_EQ(GraphOf(decoded).text(args[2]), "\3\4\x0c\x0d");
  const NodeId inner = FieldOf(decoded, "c", FieldOf(decoded, "n"));
  EXPECT_EQ(ArrayOf(decoded, inner), (Seen{DType::kInt16, Place::kOutput, {2, 2}, {2, 1}, 0}));
  EXPECT_EQ(OutputOf(decoded, inner), std::string("\5\6\7\x08\x0e\x0f\x10\x11", 8));
}

TEST(StructuredArray, FortranOrderIsThatOfTheElements) {
  const std::string shape = "(2, 3)";
  const Decoded views = DecodeBytes(Npy("[('x', '<i2', (2,))]", shape, Counting(24), "True"));
  ASSERT_TRUE(views.ok()) << views.message();
  EXPECT_EQ(ArrayOf(views, FieldOf(views, "x")), (Seen{DType::kInt16, Place::kInput, {2, 3, 2}, {2, 4, 1}, 0}));
  const Decoded gathered = DecodeBytes(Npy("[('x', '<i2', (2,)), ('s', '|S1', (1,))]", shape, Counting(30), "True"));
  ASSERT_TRUE(gathered.ok()) << gathered.message();
  EXPECT_EQ(ArrayOf(gathered, FieldOf(gathered, "x")), (Seen{DType::kInt16, Place::kOutput, {2, 3, 2}, {2, 4, 1}, 0}));
  const pickle::Graph& graph = GraphOf(gathered);
  const auto args = graph.children(graph.record(FieldOf(gathered, "s")).args);
  ASSERT_EQ(graph.children(args[4]).size(), 3U);  // no order says it: strides
  EXPECT_EQ(graph.integer(graph.children(args[4])[1]), 2);
}

TEST(StructuredArray, WithoutElementsOrFields) {
  for (const char* descr : {"[('x', '<f4'), ('y', '<f8')]", "[('x', '|u1'), ('y', '>f8')]", "[]", "[('s', '|S0')]"}) {
    const Decoded decoded = DecodeBytes(Npy(descr, "(0, 5)", ""));
    EXPECT_TRUE(decoded.ok()) << descr << decoded.message();
  }
  EXPECT_TRUE(DecodeBytes(Npy("[]", "(7,)", "")).ok());
}

TEST(StructuredArray, NamesOfEachVersionOfTheFile) {
  const Decoded old = DecodeBytes(Npy("[('\xe9', '<f4')]", "(1,)", Counting(4)));
  EXPECT_NE(FieldOf(old, "\xc3\xa9"), kNoNode) << old.message();
  const Decoded fresh = DecodeBytes(Npy("[('\xc3\xa9', '<f4')]", "(1,)", Counting(4), "False", 3));
  EXPECT_NE(FieldOf(fresh, "\xc3\xa9"), kNoNode) << fresh.message();
  EXPECT_EQ(DecodeBytes(Npy("[('\xe9', '<f4')]", "(1,)", Counting(4), "False", 3)).reason(), Reason::kNpyMalformed);
}

struct BadRow {
  const char* name;
  std::string descr;
  Reason reason;
};
class BadStructures : public testing::TestWithParam<BadRow> {};
TEST_P(BadStructures, AreRefused) {
  const Decoded decoded = DecodeBytes(Npy(GetParam().descr, "(1,)", Counting(4)));
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
}
INSTANTIATE_TEST_SUITE_P(
    All, BadStructures,
    testing::Values(BadRow{"NameTwice", "[('a', '<i2'), ('a', '<i2')]", Reason::kNpyMalformed},
                    BadRow{"TitleIsAName", "[('a', '<i2'), (('a', 'b'), '<i2')]", Reason::kNpyMalformed},
                    BadRow{"NoName", "[('', '<i4')]", Reason::kNpyMalformed},
                    BadRow{"NoType", "[('a',)]", Reason::kNpyMalformed},
                    BadRow{"NoTuple", "['a', '<i4']", Reason::kNpyMalformed},
                    BadRow{"NoComma", "[('a', '<i2')('b', '<i2')]", Reason::kNpyMalformed},
                    BadRow{"NoEnd", "[('a', '<i4')", Reason::kNpyMalformed},
                    BadRow{"FourParts", "[('a', '<i4', (1,), 1)]", Reason::kNpyMalformed},
                    BadRow{"Expression", "[('a', '<i4' * 2)]", Reason::kNpyMalformed},
                    BadRow{"UnknownType", "[('a', '<q4')]", Reason::kUnsupportedFeature},
                    BadRow{"Uncountable", "[('a', '<i4', (4294967296, 4294967296))]", Reason::kNpyMalformed},
                    BadRow{"UncountableTogether",
                           "[('a', '|u1', (9223372036854775807,)), ('b', '|u1', (9223372036854775807,)), "
                           "('c', '|u1', (9,))]",
                           Reason::kNpyMalformed},
                    BadRow{"MoreThanTheFile", "[('a', '<i8')]", Reason::kTruncated},
                    BadRow{"LessThanTheFile", "[('a', '<i2')]", Reason::kTrailingBytes},
                    BadRow{"Deep", std::string(60'000, '['), Reason::kNpyMalformed},
                    BadRow{"DeepFields",
                           [] {
                             std::string descr;
                             for (int i = 0; i < 5'000; ++i) descr += "[('a', ";
                             descr += "'<i4'";
                             for (int i = 0; i < 5'000; ++i) descr += ")]";
                             return descr;
                           }(),
                           Reason{}},
                    BadRow{"ManyDimensions",
                           [] {
                             std::string descr;
                             for (int i = 0; i < 70; ++i) descr += "[('a', ";
                             descr += "'<i4'";
                             for (int i = 0; i < 70; ++i) descr += ", (1,))]";
                             return descr;
                           }(),
                           Reason::kLimitExceeded}),
    [](const auto& row) { return row.param.name; });

TEST(StructuredArray, HugeElementsThatMustBeRewritten) {
  const std::string data(17 << 20, 'x');
  EXPECT_TRUE(DecodeBytes(Npy("[('a', '|u1', (17825792,))]", "(1,)", data)).ok());
  EXPECT_EQ(DecodeBytes(Npy("[('a', '>u2', (8912896,))]", "(1,)", data)).reason(), Reason::kUnsupportedFeature);
}

TEST(StructuredArray, Limits) {
  const std::string file = Npy("[('a', '<i2'), ('s', '|S2')]", "(2,)", Counting(8));
  airlock::Limits limits;
  limits.tensors = 3;
  EXPECT_TRUE(DecodeBytes(file, limits).ok());
  limits.tensors = 2;
  EXPECT_EQ(DecodeBytes(file, limits).reason(), Reason::kLimitExceeded);
  limits = {};
  limits.string_bytes = 3;
  EXPECT_EQ(DecodeBytes(file, limits).reason(), Reason::kLimitExceeded);
  limits = {};
  limits.nodes = 10;
  EXPECT_EQ(DecodeBytes(file, limits).reason(), Reason::kLimitExceeded);
}

// --- in pickles ---

// dtype('V4'), with fields a: <i2 at 0, b: <i2 at `second`; it stays in memo 0.
PickleAssembler& PushDType(PickleAssembler& out, int64_t second, int64_t size) {
  const auto number = [&out] {
    out.Global("numpy", "dtype").Mark().Text("i2").Bool(false).Bool(true).Tuple().Reduce();
    out.Mark().Int(3).Text("<").None().None().None().Int(-1).Int(-1).Int(0).Tuple().Build();
  };
  out.Global("numpy", "dtype").Mark().Text("V4").Bool(false).Bool(true).Tuple().Reduce();
  out.Mark().Int(3).Text("|").None().Mark().Text("a").Text("b").Tuple().EmptyDict().Mark().Text("a").Mark();
  number();
  out.Int(0).Tuple().Text("b").Mark();
  number();
  out.Int(second).Tuple().SetItems().Int(size).Int(1).Int(16).Tuple();
  return out.Build();
}

std::string Pickled(int64_t second, int64_t size, int64_t count, const std::string& bytes) {
  PickleAssembler out;
  out.Proto(3).Global("numpy.core.multiarray", "_reconstruct").Mark().Global("numpy", "ndarray").Mark().Int(0).Tuple();
  out.Op("C\1b").Tuple().Reduce().Mark().Int(1).Mark().Int(count).Tuple();
  PushDType(out, second, size).Bool(false).Op("C").Little(static_cast<uint8_t>(bytes.size())).Op(bytes);
  return out.Tuple().Build().Stop();
}

TEST(StructuredArray, InAPickle) {
  const Decoded decoded = DecodeBytes(Pickled(2, 4, 2, Counting(8)));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(ArrayOf(decoded, FieldOf(decoded, "b")), (Seen{DType::kInt16, Place::kOutput, {2}, {2}, 1}));
  EXPECT_EQ(OutputOf(decoded, FieldOf(decoded, "b")), Counting(8));
  EXPECT_TRUE(decoded.checkpoint.context.findings.empty());
}

TEST(StructuredArray, FieldsOfAPickleMayOverlap) {
  const Decoded decoded = DecodeBytes(Pickled(1, 4, 2, Counting(8)));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(OutputOf(decoded, FieldOf(decoded, "b")), std::string("\1\2\5\6", 4));
}

TEST(StructuredArray, ThatDoesNotFitItsPickle) {
  EXPECT_EQ(DecodeBytes(Pickled(2, 4, 3, Counting(8))).reason(), Reason::kStorageSizeMismatch);
  // A field outside its structure: no type of numpy's, and a record as it was.
  const Decoded outside = DecodeBytes(Pickled(3, 4, 2, Counting(8)));
  ASSERT_TRUE(outside.ok()) << outside.message();
  EXPECT_EQ(FieldOf(outside, "b"), kNoNode);
}

}  // namespace
}  // namespace airlock::formats
