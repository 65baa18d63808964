// Numpy's constructions: what becomes an array or a scalar, what stays a record, what ends the load.
#include "sandbox/tensors/numpy_constructor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <functional>

#include "sandbox/pickle/memory_source.h"
#include "tests/fixtures/pickle_assembler.h"

namespace airlock::tensors {
namespace {

using fixtures::PickleAssembler;
using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

// Keeps all bytes in one string.
class KeptData final : public ArrayData {
 public:
  Result<Storage> Keep(std::span<const uint8_t> bytes, uint64_t swap_size) override {
    last_swap_size = swap_size;
    const Storage storage{.place = tensors::Place::kOutput, .offset = kept.size(), .nbytes = bytes.size()};
    kept.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return storage;
  }
  Result<Storage> Reserve(uint64_t nbytes) override {
    const Storage storage{.place = tensors::Place::kOutput, .offset = kept.size(), .nbytes = nbytes};
    kept.resize(kept.size() + nbytes);
    return storage;
  }
  Result<void> Write(const Storage& storage, uint64_t offset, std::span<uint8_t> bytes, uint64_t swap_size) override {
    last_swap_size = swap_size;
    kept.replace(storage.offset + offset, bytes.size(), reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  // No pickle of these tests is read from a file.
  Result<void> Read(pickle::InputSpan, uint64_t, std::span<uint8_t>) override {
    return Fail(Reason::kTruncated, "there is no file");
  }
  Result<Storage> Place(pickle::InputSpan span, uint64_t) override {
    return Storage{.place = tensors::Place::kInput, .offset = span.offset, .nbytes = span.length};
  }

  std::string kept;
  uint64_t last_swap_size = 0;
};

struct Outcome {
  pickle::Context context;
  Tables tables;
  KeptData data;
  Result<NodeId> root = kNoNode;

  Kind kind() const { return context.graph.kind(root.value()); }
  TensorView array() const { return tables.tensor(context.graph.tensor(root.value())); }
  std::vector<uint64_t> shape() const { return {array().shape.begin(), array().shape.end()}; }
  std::vector<uint64_t> stride() const { return {array().stride.begin(), array().stride.end()}; }
  // Of a scalar.
  NodeId value() const { return context.graph.children(root.value())[1]; }
  bool Odd() const {
    for (const pickle::Finding& finding : context.findings) {
      if (finding.id == "numpy.odd-arguments" && finding.severity == pickle::Severity::kWarning) return true;
    }
    return false;
  }
  Reason reason() const { return root.ok() ? Reason{} : root.error().reason; }
};

void RunPickle(Outcome& outcome, const std::string& bytes) {
  NumpyConstructor constructor(outcome.context, outcome.tables, outcome.data, nullptr);
  pickle::MemorySource source({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  outcome.root = pickle::Decode(outcome.context, constructor, source, 0);
}

void PushBytes(PickleAssembler& out, std::string_view bytes) {
  out.Op("B").Little(static_cast<uint32_t>(bytes.size())).Op(bytes);
}

struct DTypeParts {
  const char* code = "i2";
  const char* order = "<";
  int64_t size = -1;
  bool build = true;
  int64_t flags = 0;
  int64_t alignment = -1;
};

// Of objects.
constexpr int64_t kObjectFlags = 63;

void PushDType(PickleAssembler& out, const DTypeParts& parts = {}) {
  out.Global("numpy", "dtype").Mark().Text(parts.code).Bool(false).Bool(true).Tuple().Reduce();
  if (!parts.build) return;
  out.Mark()
      .Int(3)
      .Text(parts.order)
      .None()
      .None()
      .None()
      .Int(parts.size)
      .Int(parts.alignment)
      .Int(parts.flags)
      .Tuple()
      .Build();
}

using Push = std::function<void(PickleAssembler&)>;

struct ArrayParts {
  const char* module = "numpy.core.multiarray";
  const char* array_class = "ndarray";
  int64_t version = 1;
  std::vector<int64_t> shape = {2, 3};
  DTypeParts dtype = {};
  bool fortran = false;
  Push elements = [](PickleAssembler& out) { PushBytes(out, std::string("\0\1\2\3\4\5\6\7\10\11\12\13", 12)); };
};

std::string Array(const ArrayParts& parts) {
  PickleAssembler out;
  out.Proto(2).Global(parts.module, "_reconstruct").Mark().Global("numpy", parts.array_class);
  out.Mark().Int(0).Tuple();
  PushBytes(out, "b");
  out.Tuple().Reduce().Mark().Int(parts.version).Mark();
  for (const int64_t size : parts.shape) out.Int(size);
  out.Tuple();
  PushDType(out, parts.dtype);
  out.Bool(parts.fortran);
  parts.elements(out);
  return out.Tuple().Build().Stop();
}

TEST(NumpyConstructor, Array) {
  Outcome outcome;
  RunPickle(outcome, Array({}));
  ASSERT_TRUE(outcome.root.ok()) << outcome.root.error().message;
  ASSERT_EQ(outcome.kind(), Kind::kArray);
  EXPECT_EQ(outcome.array().dtype, DType::kInt16);
  EXPECT_EQ(outcome.shape(), (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(outcome.stride(), (std::vector<uint64_t>{3, 1}));
  EXPECT_EQ(outcome.data.kept.size(), 12U);
  EXPECT_EQ(outcome.data.last_swap_size, 1U);
  EXPECT_TRUE(outcome.context.findings.empty());
}

TEST(NumpyConstructor, NewNumpyAndFortran) {
  Outcome outcome;
  RunPickle(outcome, Array({.module = "numpy._core.multiarray", .fortran = true}));
  ASSERT_TRUE(outcome.root.ok());
  ASSERT_EQ(outcome.kind(), Kind::kArray);
  EXPECT_EQ(outcome.stride(), (std::vector<uint64_t>{1, 2}));
}

TEST(NumpyConstructor, BigEndianElementsAreToBeTurned) {
  Outcome outcome;
  RunPickle(outcome, Array({.dtype = {.order = ">"}}));
  ASSERT_TRUE(outcome.root.ok());
  EXPECT_EQ(outcome.kind(), Kind::kArray);
  EXPECT_EQ(outcome.data.last_swap_size, 2U);
}

TEST(NumpyConstructor, DTypeWithoutStateIsThatOfThisMachine) {
  Outcome outcome;
  RunPickle(outcome, Array({.dtype = {.build = false}}));
  ASSERT_TRUE(outcome.root.ok());
  EXPECT_EQ(outcome.kind(), Kind::kArray);
}

TEST(NumpyConstructor, ZeroDimensionsAndNoElements) {
  Outcome scalar;
  RunPickle(scalar, Array({.shape = {}, .elements = [](PickleAssembler& out) { PushBytes(out, "ab"); }}));
  ASSERT_TRUE(scalar.root.ok());
  EXPECT_TRUE(scalar.shape().empty());
  Outcome empty;
  RunPickle(empty, Array({.shape = {0, 4}, .elements = [](PickleAssembler& out) { PushBytes(out, ""); }}));
  ASSERT_TRUE(empty.root.ok());
  EXPECT_EQ(empty.kind(), Kind::kArray);
  EXPECT_EQ(empty.stride(), (std::vector<uint64_t>{4, 1}));
}

TEST(NumpyConstructor, Python2ElementsAreText) {
  Outcome outcome;
  RunPickle(outcome, Array({.elements = [](PickleAssembler& out) {
              out.Op(
                  "U\x0C"
                  "abcdefghijkl");
            }}));
  ASSERT_TRUE(outcome.root.ok());
  EXPECT_EQ(outcome.kind(), Kind::kArray);
  EXPECT_EQ(outcome.data.kept, "abcdefghijkl");
}

TEST(NumpyConstructor, OneStringOfBytesIsOneStorage) {
  Outcome outcome;
  PickleAssembler out;
  out.Proto(5);
  PushBytes(out, "abcdefgh");
  out.Op("\x94");
  const auto array = [&] {
    out.Global("numpy.core.numeric", "_frombuffer").Mark().Op("h").Little(uint8_t{0});
    PushDType(out);
    out.Mark().Int(4).Tuple().Text("C").Tuple().Reduce();
  };
  array();
  array();
  RunPickle(outcome, out.Op("\x86").Stop());
  ASSERT_TRUE(outcome.root.ok()) << outcome.root.error().message;
  EXPECT_EQ(outcome.tables.tensor_count(), 2U);
  EXPECT_EQ(outcome.tables.storages().size(), 1U);
}

TEST(NumpyConstructor, LengthAndShapeMustAgree) {
  Outcome outcome;
  RunPickle(outcome, Array({.shape = {2, 4}}));
  EXPECT_EQ(outcome.reason(), Reason::kStorageSizeMismatch);
}

TEST(NumpyConstructor, ShapesThatCannotBeCounted) {
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{INT64_MAX, INT64_MAX}, {INT64_MAX}, {0, INT64_MAX, INT64_MAX}}) {
    Outcome outcome;
    RunPickle(outcome, Array({.shape = shape, .elements = [](PickleAssembler& out) { PushBytes(out, ""); }}));
    EXPECT_TRUE(outcome.reason() == Reason::kTensorOutOfBounds || outcome.reason() == Reason::kStorageSizeMismatch);
  }
}

TEST(NumpyConstructor, MatrixIsARecordOfItsArray) {
  Outcome outcome;
  RunPickle(outcome, Array({.array_class = "matrix"}));
  ASSERT_TRUE(outcome.root.ok());
  ASSERT_EQ(outcome.kind(), Kind::kRecord);
  const pickle::RecordParts parts = outcome.context.graph.record(*outcome.root);
  EXPECT_EQ(outcome.context.graph.kind(outcome.context.graph.children(parts.args)[0]), Kind::kArray);
  EXPECT_EQ(parts.state, kNoNode);
  EXPECT_FALSE(outcome.Odd());
}

TEST(NumpyConstructor, StringsAndObjectsStayRecords) {
  Outcome strings;
  RunPickle(strings, Array({.shape = {1}, .dtype = {.code = "U3", .size = 12}}));
  ASSERT_TRUE(strings.root.ok());
  EXPECT_EQ(strings.kind(), Kind::kRecord);
  EXPECT_FALSE(strings.Odd());
  Outcome objects;
  RunPickle(objects, Array({.shape = {2},
                            .dtype = {.code = "O8", .order = "|", .flags = kObjectFlags},
                            .elements = [](PickleAssembler& out) { out.Op("](").Int(1).Text("x").Op("e"); }}));
  ASSERT_TRUE(objects.root.ok());
  EXPECT_EQ(objects.kind(), Kind::kRecord);
  EXPECT_FALSE(objects.Odd());
}

struct OddRow {
  const char* name;
  std::string bytes;
};

std::string Call(
    const char* module, const char* name, const Push& arguments, const Push& after = [](PickleAssembler&) {}) {
  PickleAssembler out;
  out.Proto(2).Global(module, name).Mark();
  arguments(out);
  out.Tuple().Reduce();
  after(out);
  return out.Stop();
}

class OddNumpyArguments : public testing::TestWithParam<OddRow> {};

TEST_P(OddNumpyArguments, StayARecordWithAFinding) {
  Outcome outcome;
  RunPickle(outcome, GetParam().bytes);
  ASSERT_TRUE(outcome.root.ok()) << outcome.root.error().message;
  EXPECT_EQ(outcome.kind(), Kind::kRecord);
  EXPECT_TRUE(outcome.Odd());
  EXPECT_EQ(outcome.tables.tensor_count(), 0U);
}

void GoodState(PickleAssembler& out) {
  out.Mark().Int(1).Mark().Int(1).Tuple();
  PushDType(out);
  out.Bool(false);
  PushBytes(out, "ab");
  out.Tuple().Build();
}

INSTANTIATE_TEST_SUITE_P(
    All, OddNumpyArguments,
    testing::Values(
        OddRow{"NoArguments", Call(
                                  "numpy.core.multiarray", "_reconstruct", [](PickleAssembler&) {}, GoodState)},
        OddRow{"ManyArguments", Call(
                                    "numpy.core.multiarray", "_reconstruct",
                                    [](PickleAssembler& out) {
                                      for (int i = 0; i < 20; ++i) out.None();
                                    },
                                    GoodState)},
        OddRow{"ClassOfAnother",
               Call(
                   "numpy.core.multiarray", "_reconstruct",
                   [](PickleAssembler& out) { out.Global("somewhere", "Array").Mark().Int(0).Tuple().Text("b"); },
                   GoodState)},
        OddRow{"ShapeAtOnce", Call("numpy.core.multiarray", "_reconstruct",
                                   [](PickleAssembler& out) {
                                     out.Global("numpy", "ndarray").Mark().Int(1 << 30).Tuple().Text("b");
                                   })},
        OddRow{"ArrayCalled", Call("numpy", "ndarray", [](PickleAssembler& out) { out.Int(1 << 30); })},
        OddRow{"Version2", Array({.version = 2})}, OddRow{"NegativeSize", Array({.shape = {-1}})},
        OddRow{"ElementsAreNone", Array({.elements = [](PickleAssembler& out) { out.None(); }})},
        OddRow{"FewStrings", Array({.dtype = {.code = "U3", .size = 12}})},
        OddRow{"FewObjects", Array({.dtype = {.code = "O8", .order = "|", .flags = kObjectFlags},
                                    .elements = [](PickleAssembler& out) { out.Op("]"); }})},
        OddRow{"UnknownCode", Array({.dtype = {.code = "f3"}})},
        OddRow{"UnknownOrder", Array({.dtype = {.order = "!"}})},
        OddRow{"OddAlignment", Array({.dtype = {.alignment = 3}})},
        OddRow{"NumberWithASize", Array({.dtype = {.size = 1}})},
        OddRow{"StringOfAnotherSize", Array({.shape = {1}, .dtype = {.code = "U3", .size = 400}})},
        OddRow{"ScalarOfAnotherLength", Call("numpy.core.multiarray", "scalar",
                                             [](PickleAssembler& out) {
                                               PushDType(out);
                                               PushBytes(out, "abc");
                                             })},
        OddRow{"ScalarWithoutType", Call("numpy.core.multiarray", "scalar",
                                         [](PickleAssembler& out) {
                                           out.Text("i2");
                                           PushBytes(out, "ab");
                                         })},
        OddRow{"BufferOrder", Call("numpy.core.numeric", "_frombuffer",
                                   [](PickleAssembler& out) {
                                     PushBytes(out, "ab");
                                     PushDType(out);
                                     out.Mark().Int(1).Tuple().Text("K");
                                   })},
        OddRow{"GeneratorOfAnother", Call("numpy.random._pickle", "__generator_ctor",
                                          [](PickleAssembler& out) { out.Global("somewhere", "make"); })},
        OddRow{"WrapperWithoutStream", Call(
                                           "joblib.numpy_pickle", "NumpyArrayWrapper", [](PickleAssembler&) {},
                                           [](PickleAssembler& out) { out.EmptyDict().Build(); })},
        OddRow{"TwoStates", Call(
                                "numpy.random._pickle", "__randomstate_ctor", [](PickleAssembler&) {},
                                [](PickleAssembler& out) { out.EmptyDict().Build().EmptyDict().Build(); })}),
    [](const auto& row) { return row.param.name; });

TEST(NumpyConstructor, ClassesUnderTheNamesOfNumpy2) {
  Outcome fields;
  std::string bytes = Array({.array_class = "recarray"});
  bytes.replace(bytes.find("numpy\nrecarray"), 5, "numpy.rec");
  RunPickle(fields, bytes);
  ASSERT_TRUE(fields.root.ok()) << fields.root.error().message;
  EXPECT_TRUE(fields.context.findings.empty());
  Outcome masked;
  RunPickle(masked, Call(
                        "numpy.ma.core", "_mareconstruct",
                        [](PickleAssembler& out) {
                          out.Global("numpy.ma", "MaskedArray").Global("numpy", "ndarray").Mark().Int(0).Tuple();
                          PushBytes(out, "b");
                        },
                        [](PickleAssembler& out) {
                          out.Mark().Int(1).Mark().Int(1).Tuple();
                          PushDType(out);
                          out.Bool(false);
                          PushBytes(out, "ab");
                          PushBytes(out, std::string(1, '\0'));
                          out.None().Tuple().Build();
                        }));
  ASSERT_TRUE(masked.root.ok());
  EXPECT_TRUE(masked.context.findings.empty());
}

std::string Scalar(const DTypeParts& dtype, std::string_view bytes) {
  return Call("numpy.core.multiarray", "scalar", [&](PickleAssembler& out) {
    PushDType(out, dtype);
    PushBytes(out, bytes);
  });
}

TEST(NumpyConstructor, ScalarsOfIntegers) {
  Outcome negative;
  RunPickle(negative, Scalar({.code = "i4", .order = ">"}, "\xFF\xFF\xFF\xFE"));
  ASSERT_TRUE(negative.root.ok());
  ASSERT_EQ(negative.kind(), Kind::kScalar);
  EXPECT_EQ(negative.context.graph.integer(negative.value()), -2);
  EXPECT_EQ(negative.context.graph.text(negative.context.graph.children(*negative.root)[0]), ">i4");
  Outcome large;
  RunPickle(large, Scalar({.code = "u8"}, std::string(8, '\xFF')));
  ASSERT_TRUE(large.root.ok());
  ASSERT_EQ(large.context.graph.kind(large.value()), Kind::kBigInt);
  EXPECT_EQ(large.context.graph.text(large.value()), std::string(8, '\xFF') + std::string(1, '\0'));
  Outcome truth;
  RunPickle(truth, Scalar({.code = "b1", .order = "|"}, "\1"));
  ASSERT_TRUE(truth.root.ok());
  EXPECT_EQ(truth.context.graph.kind(truth.value()), Kind::kTrue);
}

TEST(NumpyConstructor, ScalarsOfReals) {
  Outcome half;
  RunPickle(half, Scalar({.code = "f2"}, std::string("\x00\xC2", 2)));
  ASSERT_TRUE(half.root.ok());
  EXPECT_EQ(half.context.graph.real(half.value()), -3.0);
  Outcome tiny;
  RunPickle(tiny, Scalar({.code = "f2"}, std::string("\x01\x00", 2)));
  ASSERT_TRUE(tiny.root.ok());
  EXPECT_EQ(tiny.context.graph.real(tiny.value()), 0x1p-24);
  Outcome complex;
  RunPickle(complex, Scalar({.code = "c8", .order = ">"}, std::string("\x3F\x80\0\0\xC0\0\0\0", 8)));
  ASSERT_TRUE(complex.root.ok());
  EXPECT_EQ(complex.context.graph.real(complex.value()), 1.0);
  EXPECT_EQ(complex.context.graph.imaginary(complex.value()), -2.0);
}

TEST(NumpyConstructor, SignallingNansKeepTheirPayload) {
  Outcome outcome;
  RunPickle(outcome, Scalar({.code = "f4"}, std::string("\x01\x00\x80\x7F", 4)));
  ASSERT_TRUE(outcome.root.ok());
  EXPECT_EQ(std::bit_cast<uint64_t>(outcome.context.graph.real(outcome.value())), 0x7FF0000020000000U);
}

TEST(NumpyConstructor, DatesHaveTheirUnit) {
  Outcome outcome;
  PickleAssembler out;
  out.Proto(2).Global("numpy", "dtype").Mark().Text("M8").Bool(false).Bool(true).Tuple().Reduce();
  out.Mark().Int(4).Text("<").None().None().None().Int(-1).Int(-1).Int(0);
  out.Mark().EmptyDict().Mark();
  PushBytes(out, "us");
  out.Int(25).Int(1).Int(1).Tuple().Tuple().Tuple().Build();
  RunPickle(outcome, out.Stop());
  ASSERT_TRUE(outcome.root.ok());
  ASSERT_EQ(outcome.kind(), Kind::kNumpyDType);
  EXPECT_EQ(outcome.context.graph.text(*outcome.root), "<M8[25us]");
}

TEST(NumpyConstructor, StructuresStayRecordsOfTheirFields) {
  Outcome outcome;
  PickleAssembler out;
  out.Proto(2).Global("numpy", "dtype").Mark().Text("V2").Bool(false).Bool(true).Tuple().Reduce();
  out.Mark().Int(3).Text("|").None().Mark().Text("a").Tuple().EmptyDict().Text("a").Mark();
  PushDType(out);
  out.Int(0).Tuple().Op("s").Int(2).Int(1).Int(16).Tuple().Build();
  RunPickle(outcome, out.Stop());
  ASSERT_TRUE(outcome.root.ok());
  EXPECT_EQ(outcome.kind(), Kind::kRecord);
  EXPECT_FALSE(outcome.Odd());
}

bool IsAccused(const Outcome& outcome, std::string_view id) {
  return std::ranges::any_of(outcome.context.findings, [&](const pickle::Finding& finding) {
    return finding.id == id && finding.severity == pickle::Severity::kDanger;
  });
}

// The state of an element type of 8 bytes that has the field "a".
struct FieldParts {
  DTypeParts field = {.code = "f8"};
  int64_t offset = 0;
  int64_t size = 8;
  int64_t flags = 16;
};

void PushFields(PickleAssembler& out, const FieldParts& parts) {
  out.Global("numpy", "dtype").Mark().Text("V8").Bool(false).Bool(true).Tuple().Reduce();
  out.Mark().Int(3).Text("|").None().Mark().Text("a").Tuple().EmptyDict().Op("q\x07").Text("a").Mark();
  PushDType(out, parts.field);
  out.Int(parts.offset).Tuple().Op("s").Int(parts.size).Int(1).Int(parts.flags).Tuple().Build();
}

bool LiesInFields(const FieldParts& parts) {
  PickleAssembler out;
  out.Proto(2);
  PushFields(out, parts);
  Outcome outcome;
  RunPickle(outcome, out.Stop());
  EXPECT_TRUE(outcome.root.ok());
  return IsAccused(outcome, "numpy.lying-dtype");
}

// Numpy believes the flags: it would take the bytes for pointers, joblib would unpickle the elements.
TEST(NumpyConstructor, FlagsThatHideOrPromiseObjects) {
  const DTypeParts object = {.code = "O8", .order = "|", .flags = kObjectFlags};
  const DTypeParts hidden = {.code = "O8", .order = "|", .flags = 0};
  Outcome pointer;
  RunPickle(pointer, Scalar(hidden, "AAAAAAAA"));
  EXPECT_TRUE(IsAccused(pointer, "numpy.lying-dtype"));
  Outcome promised;
  RunPickle(promised, Array({.shape = {6}, .dtype = {.flags = kObjectFlags}}));
  EXPECT_TRUE(IsAccused(promised, "numpy.lying-dtype"));
  EXPECT_FALSE(LiesInFields({}));
  EXPECT_FALSE(LiesInFields({.field = object, .flags = 27}));
  EXPECT_TRUE(LiesInFields({.field = object, .flags = 16}));
  EXPECT_TRUE(LiesInFields({.field = object, .flags = kObjectFlags}));
  EXPECT_TRUE(LiesInFields({.flags = 27}));
}

TEST(NumpyConstructor, FieldsOutsideTheirElement) {
  EXPECT_TRUE(LiesInFields({.offset = 1}));
  EXPECT_TRUE(LiesInFields({.offset = int64_t{1} << 40}));
  EXPECT_TRUE(LiesInFields({.size = 7}));
  EXPECT_FALSE(LiesInFields({.offset = 8, .size = 32}));
}

TEST(NumpyConstructor, SubArraysOfAnotherSize) {
  for (const int64_t size : {8, 16, 24}) {
    PickleAssembler out;
    out.Proto(2).Global("numpy", "dtype").Mark().Text("V16").Bool(false).Bool(true).Tuple().Reduce();
    out.Mark().Int(3).Text("|").Mark();
    PushDType(out, {.code = "f8"});
    out.Mark().Int(2).Tuple().Tuple().None().None().Int(size).Int(8).Int(0).Tuple().Build();
    Outcome outcome;
    RunPickle(outcome, out.Stop());
    EXPECT_EQ(outcome.context.findings.empty(), size == 16) << size;
  }
}

TEST(NumpyConstructor, FieldsThatChangeLater) {
  PickleAssembler out;
  out.Proto(2).Mark();
  PushFields(out, {});
  out.Op("h\x07").Text("a").None().Op("s");
  Outcome outcome;
  RunPickle(outcome, out.Tuple().Stop());
  EXPECT_TRUE(IsAccused(outcome, "pickle.changed-part"));
  EXPECT_TRUE(outcome.context.kept_dicts.empty());
}

// The array was read as of this machine's byte order, and is another's in the end.
TEST(NumpyConstructor, AStateForATypeThatIsInUse) {
  PickleAssembler out;
  out.Proto(2).Mark().Global("numpy", "dtype").Mark().Text("i2").Bool(false).Bool(true).Tuple().Reduce().Op("q\x07");
  out.Global("numpy.core.multiarray", "scalar").Mark().Op("h\x07");
  PushBytes(out, "ab");
  out.Tuple().Reduce();
  out.Op("h\x07").Mark().Int(3).Text(">").None().None().None().Int(-1).Int(-1).Int(0).Tuple().Build();
  Outcome outcome;
  RunPickle(outcome, out.Tuple().Stop());
  EXPECT_TRUE(outcome.Odd());
}

TEST(NumpyConstructor, TensorsAreLimited) {
  Outcome outcome;
  outcome.context.limits.tensors = 0;
  RunPickle(outcome, Array({}));
  EXPECT_EQ(outcome.reason(), Reason::kLimitExceeded);
  Outcome enough;
  enough.context.limits.tensors = 1;
  RunPickle(enough, Array({}));
  EXPECT_TRUE(enough.root.ok());
}

}  // namespace
}  // namespace airlock::tensors
