// Plain pickles and joblib's: what is one, what may stand between and behind its opcodes, and compressed ones.
#include <bzlib.h>
#include <gtest/gtest.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>

#include <string>

#include "sandbox/tensors/dtypes.h"
#include "tests/fixtures/pickle_assembler.h"
#include "tests/unit/formats/decoded.h"

namespace airlock::formats {
namespace {

using fixtures::PickleAssembler;
using pickle::Kind;
using pickle::NodeId;
using std::string_view_literals::operator""sv;

const pickle::Graph& GraphOf(const Decoded& decoded) { return decoded.checkpoint.context.graph; }
Kind RootKind(const Decoded& decoded) { return GraphOf(decoded).kind(decoded.checkpoint.root); }

// The bytes of the storage that an ARRAY node stands on.
std::string Elements(const Decoded& decoded, NodeId array) {
  const uint32_t tensor = GraphOf(decoded).tensor(array);
  const tensors::Storage& storage =
      decoded.checkpoint.tables.storages()[decoded.checkpoint.tables.tensor(tensor).storage];
  const bool in_input = storage.place == tensors::Place::kInput;
  std::string bytes(storage.nbytes, '\0');
  const ssize_t count = ::pread((in_input ? decoded.input : decoded.output).get(), bytes.data(), bytes.size(),
                                static_cast<off_t>(storage.offset));
  return count == static_cast<ssize_t>(bytes.size()) ? bytes : "?";
}

tensors::Place PlaceOf(const Decoded& decoded, NodeId array) {
  const uint32_t tensor = GraphOf(decoded).tensor(array);
  return decoded.checkpoint.tables.storages()[decoded.checkpoint.tables.tensor(tensor).storage].place;
}

// --- plain pickles ---

TEST(PlainPickle, OfEveryProtocol) {
  for (const std::string_view row :
       {"(lp0\nI1\naS'two'\na."sv, "(dp0\nS'a'\nI1\ns."sv, "]q\0(K\1K\2e."sv, "I7\n."sv, "N."sv, "Vtext\n."sv,
        "(I1\nI2\nt."sv, "\x80\x02]q\0(K\1K\2e."sv, "\x80\x03K\7."sv, "\x80\x04\x95\3\0\0\0\0\0\0\0K\7."sv}) {
    const Decoded decoded = DecodeBytes(row);
    EXPECT_TRUE(decoded.ok()) << row << ": " << decoded.message();
    EXPECT_EQ(decoded.checkpoint.format, Format::kPickle) << row;
  }
}

TEST(PlainPickle, BytesBehindItAreRefused) {
  const Decoded decoded = DecodeBytes(PickleAssembler().Proto(2).Int(1).Stop() + "x");
  EXPECT_EQ(decoded.reason(), Reason::kTrailingBytes);
  const Decoded two = DecodeBytes(PickleAssembler().Proto(2).Int(1).Stop() + PickleAssembler().Proto(2).Int(2).Stop());
  EXPECT_EQ(two.reason(), Reason::kTrailingBytes);
}

// Bytes at the end of a pickle that are a zip archive to who looks for one there.
std::string WithArchive(uint32_t offset, bool in_zip64) {
  std::string entry = "PK\x01\x02" + std::string(42, '\0');
  std::string middle;
  PickleAssembler end;
  if (in_zip64) {
    PickleAssembler record;
    record.Op("PK\x06\x06").Op(std::string(52, '\0'));
    record.Op("PK\x06\x07").Little(uint32_t{0}).Little(uint64_t{offset} + entry.size()).Little(uint32_t{1});
    middle = record.Stop();
    middle.pop_back();
    end.Op("PK\x05\x06").Op(std::string(8, '\0')).Little(UINT32_MAX).Little(UINT32_MAX);
  } else {
    end.Op("PK\x05\x06").Op(std::string(8, '\0')).Little(static_cast<uint32_t>(entry.size())).Little(offset);
  }
  std::string tail = end.Stop();
  tail.back() = 3;  // of the comment's length
  tail += '\0';
  const std::string bytes = entry + middle + tail;
  PickleAssembler out;
  out.Proto(3).Op("B").Little(static_cast<uint32_t>(bytes.size())).Op(bytes);
  return out.Op("0N").Stop();
}

TEST(PlainPickle, MayBeAnArchiveToOthers) {
  constexpr uint32_t kPlace = 7;  // behind PROTO and BINBYTES
  EXPECT_TRUE(DecodeBytes(WithArchive(kPlace, false)).HasFinding("file.hidden-archive"));
  EXPECT_TRUE(DecodeBytes(WithArchive(kPlace, true)).HasFinding("file.hidden-archive"));
  // One that counts from its own start is a value like any other.
  for (const bool in_zip64 : {false, true}) {
    const Decoded embedded = DecodeBytes(WithArchive(0, in_zip64));
    EXPECT_TRUE(embedded.ok()) << embedded.message();
    EXPECT_FALSE(embedded.HasFinding("file.hidden-archive"));
  }
}

TEST(PlainPickle, PersistentIdsReferToNothing) {
  const Decoded text = DecodeBytes(PickleAssembler().Proto(2).Op("P1\n").Stop());
  EXPECT_EQ(text.reason(), Reason::kPickleMalformed);
  PickleAssembler out;
  out.Proto(2)
      .Mark()
      .Text("storage")
      .Global("torch", "FloatStorage")
      .Text("0")
      .Text("cpu")
      .Int(1)
      .Tuple()
      .PersistentId();
  EXPECT_EQ(DecodeBytes(out.Stop()).reason(), Reason::kPickleMalformed);
}

TEST(PlainPickle, TorchsValuesAreUnderstood) {
  const Decoded decoded = DecodeBytes(PickleAssembler().Proto(2).Global("torch", "float32").Stop());
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(RootKind(decoded), Kind::kDType);
}

// --- joblib ---

constexpr std::string_view kElements("\1\0\2\0\3\0\4\0\5\0\6\0", 12);

struct WrapperParts {
  const char* code = "i2";
  const char* order = "<";
  const char* layout = "C";
  std::vector<int64_t> shape = {2, 3};
  bool alignment = false;
  int64_t size = -1;

  // What numpy writes for such a type.
  int64_t flags() const { return *code == 'O' ? 63 : 0; }
};

// The wrapper with its state, to the BUILD after which the elements stand.
void PushWrapper(PickleAssembler& out, const WrapperParts& parts = {}) {
  out.Global("joblib.numpy_pickle", "NumpyArrayWrapper").EmptyTuple().Op("\x81").EmptyDict().Mark();
  out.Text("subclass").Global("numpy", "ndarray").Text("shape").Mark();
  for (const int64_t size : parts.shape) out.Int(size);
  out.Tuple().Text("order").Text(parts.layout).Text("dtype").Global("numpy", "dtype").Mark().Text(parts.code);
  out.Bool(false).Bool(true).Tuple().Reduce();
  out.Mark().Int(3).Text(parts.order).None().None().None().Int(parts.size).Int(-1).Int(parts.flags()).Tuple().Build();
  out.Text("allow_mmap").Bool(true);
  if (parts.alignment) out.Text("numpy_array_alignment_bytes").Int(16);
  out.SetItems().Build();
}

std::string Joblib(std::string_view elements, const WrapperParts& parts = {}) {
  PickleAssembler out;
  out.Proto(3).Op("](");
  PushWrapper(out, parts);
  out.Op(elements).Text("behind").Op("e");
  return out.Stop();
}

NodeId First(const Decoded& decoded) { return GraphOf(decoded).children(decoded.checkpoint.root)[0]; }

void ExpectArray(const Decoded& decoded, tensors::Place place) {
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kJoblib);
  ASSERT_EQ(GraphOf(decoded).children(decoded.checkpoint.root).size(), 2U);
  ASSERT_EQ(GraphOf(decoded).kind(First(decoded)), Kind::kArray);
  EXPECT_EQ(Elements(decoded, First(decoded)), kElements);
  EXPECT_EQ(PlaceOf(decoded, First(decoded)), place);
}

TEST(Joblib, ElementsBetweenTheOpcodesStayInPlace) {
  ExpectArray(DecodeBytes(Joblib(kElements)), tensors::Place::kInput);
}

TEST(Joblib, PaddingComesFirst) {
  ExpectArray(DecodeBytes(Joblib("\3\xFF\xFF\xFF" + std::string(kElements), {.alignment = true})),
              tensors::Place::kInput);
  const Decoded hidden = DecodeBytes(Joblib("\3abc" + std::string(kElements), {.alignment = true}));
  EXPECT_EQ(hidden.reason(), Reason::kPickleMalformed);
}

TEST(Joblib, BigEndianElementsAreTurned) {
  ExpectArray(DecodeBytes(Joblib(std::string_view("\0\1\0\2\0\3\0\4\0\5\0\6", 12), {.order = ">"})),
              tensors::Place::kOutput);
}

// pickle.load takes the elements for opcodes.
TEST(Joblib, ElementsThatOthersWouldRun) {
  const auto elements = [](std::string_view opcodes) {
    return std::string(opcodes) + std::string(40 - opcodes.size(), '\0');
  };
  const WrapperParts parts{.code = "u1", .order = "|", .shape = {40}};
  const Decoded hostile = DecodeBytes(Joblib(elements("cos\nsystem\n(S'true'\ntR"), parts));
  ASSERT_TRUE(hostile.HasFinding("joblib.opcodes-in-array"));
  EXPECT_EQ(hostile.checkpoint.context.findings[0].severity, pickle::Severity::kDanger);
  const Decoded behind = DecodeBytes(Joblib(elements("C\x05"
                                                     "\0\0\0\0\0imodel\nmake\n"sv),
                                            parts));
  ASSERT_TRUE(behind.HasFinding("joblib.opcodes-in-array"));
  EXPECT_EQ(behind.checkpoint.context.findings[0].severity, pickle::Severity::kWarning);
  for (const std::string_view harmless : {"cos\nsystem\n"sv, "c os\nsystem\n)R"sv, "NNNN"sv, "V\0"sv, "."sv}) {
    EXPECT_TRUE(DecodeBytes(Joblib(elements(harmless), parts)).checkpoint.context.findings.empty()) << harmless;
  }
  // Elements that are opcodes to their end leave the real ones as they are.
  const Decoded even = DecodeBytes(Joblib(std::string(40, 'N'), parts));
  EXPECT_TRUE(even.ok() && even.checkpoint.context.findings.empty());
}

TEST(Joblib, ElementsThatAreOpcodesWithoutAnEnd) {
  const WrapperParts parts{.code = "u1", .order = "|", .shape = {(1 << 20) + 1}};
  const Decoded decoded = DecodeBytes(Joblib(std::string((1 << 20) + 1, 'N'), parts));
  EXPECT_TRUE(decoded.HasFinding("joblib.opcodes-in-array"));
  const WrapperParts fewer{.code = "u1", .order = "|", .shape = {(1 << 20) - 1}};
  EXPECT_FALSE(DecodeBytes(Joblib(std::string((1 << 20) - 1, 'N'), fewer)).HasFinding("joblib.opcodes-in-array"));
}

pickle::Severity SeverityOf(const Decoded& decoded, std::string_view id) {
  for (const pickle::Finding& finding : decoded.checkpoint.context.findings) {
    if (finding.id == id) return finding.severity;
  }
  return pickle::Severity::kNote;
}

constexpr auto kRuns = "joblib.opcodes-in-array";
constexpr auto kDanger = pickle::Severity::kDanger;

// The length of the padding is an opcode too, that can skip what stands before a payload.
TEST(Joblib, PaddingThatIsAnOpcode) {
  const std::string payload = "cos\nsystem\n(S'true'\ntR";
  std::string elements = "C" + std::string('C', '\xFF') + std::string(255 - 'C' + 1, '\0') + payload;
  const auto count = static_cast<int64_t>(elements.size()) - 'C' - 1;
  const WrapperParts parts{.code = "u1", .order = "|", .shape = {count}, .alignment = true};
  EXPECT_EQ(SeverityOf(DecodeBytes(Joblib(elements, parts)), kRuns), kDanger);
}

// A joblib before 1.2 reads no padding: the last elements are opcodes to it.
TEST(Joblib, PaddingThatIsTakenForElements) {
  const std::string payload = "cos\nsystem\n)R";
  std::string elements(1, static_cast<char>(payload.size() - 1));
  elements += std::string(payload.size() - 1, '\xFF') + std::string(8, '\0') + payload;
  const auto count = static_cast<int64_t>(8 + payload.size());
  const WrapperParts parts{.code = "u1", .order = "|", .shape = {count}, .alignment = true};
  EXPECT_EQ(SeverityOf(DecodeBytes(Joblib(elements, parts)), kRuns), kDanger);
}

// Elements put other texts into the memo, and the real opcodes make a name of them.
std::string OtherMemo(PickleAssembler& out) {
  const auto put = [](PickleAssembler& to, const char* module, const char* name) {
    to.Text(module)
        .Op("q\x05"
            "0")
        .Text(name)
        .Op("q\x06"
            "0");
  };
  PickleAssembler elements;
  put(elements, "os", "system");
  std::string bytes = elements.Stop();
  bytes.pop_back();
  out.Proto(4);
  put(out, "collections", "OrderedDict");
  out.Op("](");
  PushWrapper(out, {.code = "u1", .order = "|", .shape = {static_cast<int64_t>(bytes.size())}});
  return out.Op(bytes).Op("h\x05h\x06\x93)R").Op("e").Stop();
}

TEST(Joblib, ElementsThatChangeTheMemo) {
  PickleAssembler out;
  const Decoded decoded = DecodeBytes(OtherMemo(out));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(SeverityOf(decoded, kRuns), kDanger);
}

// What joblib reads with a memo of its own goes on with that of the file elsewhere.
TEST(Joblib, ArraysOfObjectsThatAreOthersWithTheMemoOfTheFile) {
  PickleAssembler inner;
  inner.Proto(4)
      .Text("collections")
      .Op("\x94"
          "0")
      .Text("OrderedDict")
      .Op("\x94"
          "0h")
      .Little(uint8_t{0});
  inner.Op("h\x01\x93)R");
  PickleAssembler out;
  out.Proto(4)
      .Text("os")
      .Op("\x94"
          "0")
      .Text("system")
      .Op("\x94"
          "0](");
  PushWrapper(out, {.code = "O8", .order = "|", .shape = {1}});
  const Decoded decoded = DecodeBytes(out.Op(inner.Stop()).Op("e").Stop());
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(SeverityOf(decoded, kRuns), kDanger);
}

TEST(Joblib, TooFewElements) {
  const Decoded decoded = DecodeBytes(Joblib(kElements, {.shape = {1 << 20}}));
  EXPECT_EQ(decoded.reason(), Reason::kTruncated);
}

TEST(Joblib, ShapesThatCannotBeCounted) {
  const Decoded decoded = DecodeBytes(Joblib(kElements, {.shape = {INT64_MAX, INT64_MAX}}));
  EXPECT_EQ(decoded.reason(), Reason::kTensorOutOfBounds);
}

TEST(Joblib, ArraysOfObjectsArePicklesInTheStream) {
  PickleAssembler objects;
  objects.Proto(2).Global("numpy.core.multiarray", "_reconstruct").Mark().Global("numpy", "ndarray");
  objects.Mark().Int(0).Tuple().Text("b").Tuple().Reduce().Mark().Int(1).Mark().Int(1).Tuple();
  objects.Global("numpy", "dtype").Mark().Text("O8").Bool(false).Bool(true).Tuple().Reduce();
  objects.Mark().Int(3).Text("|").None().None().None().Int(-1).Int(-1).Int(63).Tuple().Build();
  objects.Bool(false).Op("]").Text("x").Op("a").Tuple().Build();
  const WrapperParts parts{.code = "O8", .order = "|", .shape = {1}};
  const Decoded decoded = DecodeBytes(Joblib(objects.Stop(), parts));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(GraphOf(decoded).kind(First(decoded)), Kind::kRecord);
  EXPECT_TRUE(decoded.checkpoint.context.findings.empty());
  // It is judged as the rest is.
  const Decoded hostile = DecodeBytes(Joblib("cos\nsystem\n(S'true'\ntR.", parts));
  EXPECT_TRUE(hostile.HasFinding("pickle.dangerous-symbol"));
}

// joblib reads such a pickle with pickle.load, which knows of no arrays between opcodes.
TEST(Joblib, NoArraysInsideArraysOfObjects) {
  PickleAssembler inner;
  inner.Proto(2);
  PushWrapper(inner);
  const Decoded decoded = DecodeBytes(Joblib(inner.Stop(), {.code = "O8", .order = "|", .shape = {1}}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.HasFinding("numpy.odd-arguments"));
}

TEST(Joblib, StringsAreKeptAsTheyAre) {
  const Decoded decoded = DecodeBytes(Joblib("abcdef", {.code = "S3", .order = "|", .shape = {2}, .size = 3}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_EQ(GraphOf(decoded).kind(First(decoded)), Kind::kRecord);
  const NodeId args = GraphOf(decoded).record(First(decoded)).args;
  EXPECT_EQ(GraphOf(decoded).text(GraphOf(decoded).children(args)[2]), "abcdef");
}

std::string Framed(size_t surplus) {
  PickleAssembler body;
  PushWrapper(body);
  const std::string opcodes = body.Stop();  // with a full stop that is not sent
  PickleAssembler out;
  out.Proto(4)
      .Op("\x95")
      .Little(uint64_t{opcodes.size() - 1 + surplus})
      .Op(std::string_view(opcodes).substr(0, opcodes.size() - 1));
  return out.Op(kElements).Stop();
}

TEST(Joblib, AFrameEndsBeforeItsArray) {
  const Decoded good = DecodeBytes(Framed(0));
  ASSERT_TRUE(good.ok()) << good.message();
  EXPECT_EQ(RootKind(good), Kind::kArray);
  EXPECT_EQ(DecodeBytes(Framed(4)).reason(), Reason::kPickleMalformed);
}

TEST(Joblib, ArraysInOtherFilesAreNamed) {
  PickleAssembler out;
  out.Proto(2).Global("joblib.numpy_pickle", "NDArrayWrapper").EmptyTuple().Op("\x81").EmptyDict().Mark();
  out.Text("filename").Text("weights_01.npy").SetItems().Build();
  const Decoded decoded = DecodeBytes(out.Stop());
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kJoblib);
  ASSERT_TRUE(decoded.HasFinding("joblib.array-elsewhere"));
  EXPECT_EQ(decoded.checkpoint.context.findings[0].where, "weights_01.npy");
}

// --- compressed ---

std::string Deflated(std::string_view bytes, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
std::string Zlib(std::string_view bytes) { return Deflated(bytes, 15); }
std::string Gzip(std::string_view bytes) { return Deflated(bytes, 31); }

std::string Bzip2(std::string_view bytes) {
  std::string out(bytes.size() + 1024, '\0');
  auto length = static_cast<unsigned>(out.size());
  EXPECT_EQ(BZ2_bzBuffToBuffCompress(out.data(), &length, const_cast<char*>(bytes.data()),
                                     static_cast<unsigned>(bytes.size()), 9, 0, 0),
            BZ_OK);
  out.resize(length);
  return out;
}

std::string Xz(std::string_view bytes, uint32_t dictionary = 1 << 20, bool alone = false) {
  lzma_options_lzma options;
  lzma_lzma_preset(&options, 1);
  options.dict_size = dictionary;
  lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  lzma_stream stream = LZMA_STREAM_INIT;
  EXPECT_EQ(alone ? lzma_alone_encoder(&stream, &options) : lzma_stream_encoder(&stream, filters, LZMA_CHECK_CRC32),
            LZMA_OK);
  std::string out(bytes.size() + 1024, '\0');
  stream.next_in = reinterpret_cast<const uint8_t*>(bytes.data());
  stream.avail_in = bytes.size();
  stream.next_out = reinterpret_cast<uint8_t*>(out.data());
  stream.avail_out = out.size();
  EXPECT_EQ(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
  out.resize(stream.total_out);
  lzma_end(&stream);
  return out;
}

std::string Lz4(std::string_view bytes) {
  std::string out(LZ4F_compressFrameBound(bytes.size(), nullptr), '\0');
  out.resize(LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), nullptr));
  return out;
}

// joblib before 0.10.
std::string OldJoblib(std::string_view bytes, size_t announced) {
  char header[32];
  const int length = snprintf(header, sizeof(header), "ZF0x%zx", announced);
  return std::string(header, static_cast<size_t>(length)) + std::string(static_cast<size_t>(21 - length), ' ') +
         Zlib(bytes);
}

struct CompressedRow {
  const char* name;
  std::string (*compress)(std::string_view);
};
class Compressed : public testing::TestWithParam<CompressedRow> {};

TEST_P(Compressed, HoldsArrays) {
  ExpectArray(DecodeBytes(GetParam().compress(Joblib(kElements))), tensors::Place::kOutput);
}

// Whoever opens the file by gzip.open reads it with pickle.load.
TEST_P(Compressed, HoldsElementsThatChangeTheMemo) {
  PickleAssembler out;
  EXPECT_EQ(SeverityOf(DecodeBytes(GetParam().compress(OtherMemo(out))), kRuns), kDanger);
}

TEST_P(Compressed, MayHoldAPlainPickle) {
  const Decoded decoded = DecodeBytes(GetParam().compress(PickleAssembler().Proto(4).Int(7).Stop()));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(RootKind(decoded), Kind::kInt);
}

TEST_P(Compressed, OfManyWindows) {
  PickleAssembler out;
  out.Proto(2).Op("](");
  for (int i = 0; i < 100'000; ++i) out.Int(i);
  const Decoded decoded = DecodeBytes(GetParam().compress(out.Op("e").Stop()));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(GraphOf(decoded).children(decoded.checkpoint.root).size(), 100'000U);
}

TEST_P(Compressed, CutAnywhereIsAnError) {
  const std::string whole = GetParam().compress(Joblib(kElements));
  for (size_t length = 4; length < whole.size(); ++length) {
    const Decoded decoded = DecodeBytes(std::string_view(whole).substr(0, length));
    EXPECT_FALSE(decoded.ok()) << length;
  }
}

TEST_P(Compressed, BytesBehindAreRefused) {
  const std::string pickle = Joblib(kElements);
  EXPECT_EQ(DecodeBytes(GetParam().compress(pickle) + "x").reason(), Reason::kTrailingBytes);
  EXPECT_EQ(DecodeBytes(GetParam().compress(pickle + "x")).reason(), Reason::kTrailingBytes);
}

TEST_P(Compressed, ABombHitsALimit) {
  PickleAssembler out;
  out.Proto(4).Op("B").Little(uint32_t{8 << 20}).Op(std::string(8 << 20, '\0'));
  const std::string bomb = GetParam().compress(out.Stop());
  Limits few;
  few.output_bytes = 1 << 20;
  const Decoded size = DecodeBytes(bomb, few);
  ASSERT_EQ(size.reason(), Reason::kLimitExceeded);
  EXPECT_STREQ(size.result.error().limit->name, "output_bytes");
  Limits flat;
  flat.ratio = 10;
  const Decoded ratio = DecodeBytes(bomb, flat);
  ASSERT_EQ(ratio.reason(), Reason::kLimitExceeded);
  EXPECT_STREQ(ratio.result.error().limit->name, "ratio");
}

TEST_P(Compressed, OtherThingsAreRefused) {
  const Decoded text = DecodeBytes(GetParam().compress("just a text"));
  // A header of joblib's announces a pickle.
  const bool announced = std::string_view(GetParam().name) == "OldJoblib";
  EXPECT_EQ(text.reason(), announced ? Reason::kUnsupportedFormat : Reason::kNotACheckpoint);
  EXPECT_EQ(text.checkpoint.format, announced ? Format::kJoblib : Format::kUnknown) << "the file itself is none";
  // A loader that decompresses it, or a person, has a checkpoint then.
  for (const std::string& inner :
       {std::string("PK\x03\x04 and so on"), std::string("\x89HDF\r\n\x1A\n"), GetParam().compress("just a text")}) {
    EXPECT_EQ(DecodeBytes(GetParam().compress(inner)).reason(), Reason::kUnsupportedFormat) << inner;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Compressed,
    testing::Values(CompressedRow{"Zlib", Zlib}, CompressedRow{"Gzip", Gzip}, CompressedRow{"Bzip2", Bzip2},
                    CompressedRow{"Xz", [](std::string_view bytes) { return Xz(bytes); }},
                    CompressedRow{"Lzma", [](std::string_view bytes) { return Xz(bytes, 1 << 16, true); }},
                    CompressedRow{"Lz4", Lz4},
                    CompressedRow{"OldJoblib", [](std::string_view bytes) { return OldJoblib(bytes, bytes.size()); }}),
    [](const auto& row) { return row.param.name; });

TEST(CompressedPickle, AnnouncedLengthMustHold) {
  const std::string pickle = Joblib(kElements);
  EXPECT_EQ(DecodeBytes(OldJoblib(pickle, pickle.size() + 1)).reason(), Reason::kCompressionBroken);
  EXPECT_EQ(DecodeBytes(OldJoblib(pickle, pickle.size() - 1)).reason(), Reason::kCompressionBroken);
}

// What a decompressor must remember is bounded, whatever the stream asks for.
TEST(CompressedPickle, DictionariesAreBounded) {
  const std::string pickle = Joblib(kElements);
  EXPECT_TRUE(DecodeBytes(Xz(pickle, uint32_t{64} << 20)).ok());
  const Decoded decoded = DecodeBytes(Xz(pickle, uint32_t{512} << 20));
  ASSERT_EQ(decoded.reason(), Reason::kLimitExceeded);
  EXPECT_STREQ(decoded.result.error().limit->name, "memory_bytes");
}

// A safetensors file starts with a length, which may look like any magic of two bytes.
TEST(CompressedPickle, LengthsOfSafetensorsAreNoMagic) {
  for (const char* magic : {"x\x9C", "x\x01", "\x1F\x8B"}) {
    std::string file(magic, 2);
    file.append(6, '\0');
    const size_t length = static_cast<uint8_t>(magic[0]) + 256U * static_cast<uint8_t>(magic[1]);
    std::string header = "{}";
    header.resize(length, ' ');
    EXPECT_EQ(DecodeBytes(file + header).checkpoint.format, Format::kSafetensors);
  }
}

}  // namespace
}  // namespace airlock::formats
