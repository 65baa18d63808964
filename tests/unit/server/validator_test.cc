#include "server/validate/validator.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <numeric>
#include <random>
#include <set>

#include "sandbox/base/version.h"
#include "sandbox/walls/layers.h"
#include "server/validate/rules.h"
#include "tests/unit/server/entry_names.h"
#include "tests/unit/server/valid_plan.h"

namespace airlock::server {
namespace {

using Plan = v1::PlanChunk;
using worker::v1::Done;

TEST(Validator, AcceptsAValidPlan) {
  const auto concluded = Validate(ValidPlan());
  ASSERT_TRUE(concluded.ok()) << concluded.error().failure().DebugString();
  EXPECT_TRUE(concluded->verdict.ok());
  EXPECT_EQ(concluded->judgement, v1::VERDICT_UNKNOWN_TYPES);
  EXPECT_EQ(concluded->totals.nodes(), 20U);
  EXPECT_EQ(concluded->totals.tensors(), 4U);
  EXPECT_EQ(concluded->totals.payload_bytes(), 664U);
  EXPECT_EQ(NamesIn(concluded->plan->entries()), (std::vector<std::string>{"w", "list.0", "list.1", "7.a"}));
}

TEST(Validator, AcceptsAPlanInPieces) {
  const Plan whole = ValidPlan();
  Plan first = whole;
  Plan second;
  // The same columns, cut in the middle of some.
  first.mutable_tensors()->mutable_shape()->Truncate(3);
  const auto& shape = whole.tensors().shape();
  second.mutable_tensors()->mutable_shape()->Add(shape.begin() + 3, shape.end());
  second.mutable_symbols()->Swap(first.mutable_symbols());
  Validator validator(Limits(), PlaceSizes{kInputSize, kOutputSize});
  ASSERT_TRUE(validator.Add(PlanFrame(first)).ok());
  ASSERT_TRUE(validator.Add(PlanFrame(second)).ok());
  const auto concluded = FinishWith(validator, whole.graph());
  ASSERT_TRUE(concluded.ok()) << concluded.error().failure().DebugString();
  EXPECT_EQ(concluded->totals.entries(), 4U);
}

TEST(Validator, TheGraphComesInNoPiece) {
  Validator validator(Limits(), PlaceSizes{kInputSize, kOutputSize});
  EXPECT_EQ(validator.Add(Tainted(ValidPlan())).error().failure().layer(), "validator: piece.graph");
}

// An answer without a graph is none, and what is none has no graph.
TEST(Validator, LengthsOfColumnsComeWithAnAnswerAlone) {
  Validator validator(Limits(), PlaceSizes{kInputSize, kOutputSize});
  GraphFile file = WrittenGraph(ValidPlan().graph());
  EXPECT_EQ(validator.Finish(DoneFrame(ValidDone()), file).error().failure().layer(), "validator: done.graph-bytes");
  Done failed = ValidDone();
  SayLengths(ValidPlan().graph(), failed);
  failed.set_reason(v1::REASON_COMPRESSION_BROKEN);
  EXPECT_EQ(validator.Finish(DoneFrame(failed), file).error().failure().layer(), "validator: done.graph-bytes");
}

TEST(Validator, DataIsHeldBackWhereThatWasAllowedAndWithAnAnswerAlone) {
  const auto conclude = [](const Done& done) {
    Validator validator(Limits(), PlaceSizes{kInputSize, kOutputSize}, true);
    EXPECT_TRUE(validator.Add(PlanFrame(ValidPlan())).ok());
    return FinishWith(validator, ValidPlan().graph(), done);
  };
  Done done = ValidDone();
  EXPECT_FALSE(conclude(done)->held_back);
  done.set_held_back(true);
  EXPECT_TRUE(conclude(done)->held_back);
  done.set_reason(v1::REASON_COMPRESSION_BROKEN);
  EXPECT_EQ(conclude(done).error().failure().layer(), "validator: done.held-back");
}

// One thing that is wrong, and the rule that must see it.
struct Lie {
  const char* rule;
  std::function<void(Plan&, Done&, Limits&)> tell;
};

#define LIE(rule, ...)                      \
  Lie {                                     \
    rule, [](Plan& p, Done& d, Limits& l) { \
      (void)p, (void)d, (void)l;            \
      __VA_ARGS__;                          \
    }                                       \
  }

v1::GraphColumns& G(Plan& p) { return *p.mutable_graph(); }
v1::TensorColumns& T(Plan& p) { return *p.mutable_tensors(); }
v1::StorageColumns& S(Plan& p) { return *p.mutable_storages(); }
void Kind(Plan& p, size_t node, int kind) { (*G(p).mutable_kinds())[node] = static_cast<char>(kind); }

const Lie kLies[] = {
    LIE("piece.entries", p.mutable_entries()->set_names("forged")),
    LIE("graph.nodes", l.nodes = 19),
    LIE("piece.tensors", l.tensors = 3),
    LIE("piece.storages", l.members = 2; l.tensors = 2; T(p).Clear()),
    LIE("piece.symbols", l.symbols = 0),
    LIE("piece.findings", l.findings = 0),
    LIE("piece.devices", for (int i = 0; i < 1024; ++i) p.add_devices("cpu")),
    LIE("graph.root", p.Clear()),
    LIE("graph.kind", Kind(p, 11, 0)),
    LIE("graph.kind", Kind(p, 11, 33)),
    LIE("graph.kind", Kind(p, 11, 255)),
    LIE("graph.short", G(p).mutable_counts()->RemoveLast()),
    LIE("graph.short", G(p).set_counts(0, 0xFFFFFFFF)),
    LIE("graph.short", G(p).mutable_ints()->RemoveLast()),
    LIE("graph.short", G(p).mutable_blob()->pop_back()),
    LIE("graph.short", G(p).mutable_links()->RemoveLast()),
    LIE("graph.leftover", G(p).add_refs(0)),
    LIE("graph.leftover", G(p).add_floats(1)),
    LIE("graph.leftover", G(p).add_counts(0)),
    LIE("graph.leftover", G(p).mutable_blob()->push_back('x')),
    LIE("graph.ref", G(p).set_refs(0, 20)),
    LIE("graph.ref", G(p).set_refs(0, 0xFFFFFFFF)),
    LIE("graph.tensor", G(p).set_links(0, 4)),
    LIE("graph.storage", G(p).set_links(3, 3)),
    LIE("graph.storage", G(p).set_links(4, v1::DType_MAX + 1)),
    LIE("graph.symbol", G(p).set_links(2, 1)),
    LIE("graph.size", G(p).set_refs(17, 11)),
    LIE("graph.attributes", G(p).set_refs(14, 6)),
    LIE("graph.record-mask", G(p).set_counts(9, 256 | v1::RECORD_PART_ARGS | v1::RECORD_PART_STATE)),
    LIE("graph.record-mask",
        G(p).set_counts(9, v1::RECORD_PART_ARGS | v1::RECORD_PART_KWARGS | v1::RECORD_PART_STATES)),
    LIE("graph.record-part", G(p).set_refs(19, 6)),
    LIE("graph.string", (*G(p).mutable_blob())[0] = '\xff'),
    LIE("graph.name", (*G(p).mutable_blob())[G(p).blob().find("float32")] = ' '),
    LIE("graph.integer", Kind(p, 1, v1::NODE_KIND_BIG_INT); l.integer_bytes = 0),
    LIE("graph.string-bytes", l.string_bytes = 14),
    LIE("tensor.columns", T(p).mutable_flags()->RemoveLast()),
    LIE("tensor.columns", T(p).mutable_shape()->RemoveLast()),
    LIE("tensor.columns", T(p).add_shape(1); T(p).add_stride(1)),
    LIE("tensor.columns", T(p).set_rank(3, 2)),
    LIE("tensor.dtype", T(p).set_dtype(0, v1::DTYPE_UNSPECIFIED)),
    LIE("tensor.dtype", T(p).set_dtype(0, static_cast<v1::DType>(99))),
    LIE("tensor.flags", T(p).set_flags(0, 16)),
    LIE("tensor.storage", T(p).set_storage(0, 3)),
    LIE("tensor.rank", l.dims = 1),
    LIE("tensor.numel", T(p).set_shape(0, uint64_t{1} << 62)),
    LIE("tensor.numel", T(p).set_stride(0, UINT64_MAX)),
    LIE("tensor.numel", T(p).set_offset(0, UINT64_MAX)),
    LIE("tensor.numel", T(p).set_shape(0, uint64_t{1} << 33); T(p).set_shape(1, uint64_t{1} << 33);
        T(p).set_stride(0, 0)),
    LIE("tensor.packed", T(p).set_dtype(1, v1::DTYPE_QUINT4X2)),
    LIE("tensor.packed", T(p).set_offset(1, 0); T(p).set_dtype(1, v1::DTYPE_QUINT4X2); T(p).set_stride(2, 3)),
    LIE("tensor.span", T(p).set_offset(1, 0); T(p).set_dtype(1, v1::DTYPE_QUINT4X2);
        p.mutable_storages()->set_nbytes(1, 2)),
    LIE("tensor.span", T(p).set_offset(0, 1)),
    LIE("tensor.span", T(p).set_stride(0, 5)),
    LIE("tensor.span", T(p).set_dtype(0, v1::DTYPE_FLOAT64)),
    LIE("tensor.span", T(p).set_shape(0, 5)),
    LIE("quantization.tensor", T(p).mutable_quantization(0)->set_tensor(0)),
    LIE("quantization.tensor", T(p).clear_quantization()),
    LIE("quantization.tensor", *T(p).add_quantization() = T(p).quantization(0)),
    LIE("quantization.scheme", T(p).mutable_quantization(0)->clear_per_channel()),
    LIE("quantization.channel", T(p).mutable_quantization(0)->mutable_per_channel()->set_axis(2)),
    LIE("quantization.channel", T(p).mutable_quantization(0)->mutable_per_channel()->set_axis(1)),
    LIE("quantization.channel", T(p).mutable_quantization(0)->mutable_per_channel()->set_scales(4)),
    LIE("quantization.channel", T(p).mutable_quantization(0)->mutable_per_channel()->set_zero_points(0)),
    LIE("storage.columns", S(p).add_offset(0)),
    LIE("storage.columns", S(p).add_crc32(0)),
    LIE("storage.place", S(p).set_place(0, v1::PLACE_UNSPECIFIED)),
    LIE("storage.place", S(p).set_place(0, static_cast<v1::Place>(3))),
    LIE("storage.span", S(p).set_offset(0, 937)),
    LIE("storage.span", S(p).set_offset(0, UINT64_MAX)),
    LIE("storage.span", S(p).set_nbytes(2, 501)),
    LIE("storage.overlap", S(p).set_nbytes(0, 65)),
    LIE("storage.overlap", S(p).set_offset(1, 99)),
    LIE("storage.device", S(p).set_device(0, 1)),
    LIE("storage.checksum", S(p).set_crc32(0, 1)),
    LIE("storage.checksum", S(p).set_crc32(0, uint64_t{2} << 32)),
    LIE("device.name", p.set_devices(0, "cpu\n")),
    LIE("symbol.text", p.mutable_symbols(0)->set_name(std::string(1025, 'a'))),
    LIE("symbol.class", p.mutable_symbols(0)->clear_class_()),
    LIE("symbol.class", p.mutable_symbols(0)->set_class_(static_cast<v1::SymbolClass>(9))),
    LIE("finding.id", p.mutable_findings(0)->set_id("Bad Id")),
    LIE("finding.id", p.mutable_findings(0)->set_id(std::string(65, 'a'))),
    LIE("finding.severity", p.mutable_findings(0)->clear_severity()),
    LIE("finding.text", p.mutable_findings(0)->set_message(std::string(5000, 'a'))),
    LIE("done.graph-bytes", d.add_graph_bytes(20)),
    LIE("done.reason", d.set_reason(v1::REASON_INTERNAL)),
    LIE("done.reason", d.set_reason(99)),
    LIE("done.format", d.clear_format()),
    LIE("done.format", d.set_format(static_cast<v1::Format>(77))),
    LIE("done.limit", d.set_reason(v1::REASON_LIMIT_EXCEEDED); d.set_limit_name("patience")),
    LIE("done.limit", d.set_limit_name("nodes")),
    LIE("done.held-back", d.set_held_back(true)),
    LIE("done.nested", d.add_nested()->set_level(5000)),
};

TEST(Validator, EveryLieIsCaughtByTheRuleThatNamesIt) {
  for (const Lie& lie : kLies) {
    Plan plan = ValidPlan();
    Done done = ValidDone();
    Limits limits;
    lie.tell(plan, done, limits);
    const auto concluded = Validate(plan, done, limits);
    ASSERT_FALSE(concluded.ok()) << lie.rule;
    EXPECT_EQ(concluded.error().reason(), v1::REASON_WORKER_PROTOCOL) << lie.rule;
    EXPECT_EQ(concluded.error().failure().layer(), std::string("validator: ") + lie.rule);
  }
}

TEST(Validator, OfTwoNodesThatAreWrongTheFirstIsNamed) {
  const auto rule_of = [](const std::function<void(Plan&)>& spoil) {
    Plan plan = ValidPlan();
    spoil(plan);
    const auto concluded = Validate(plan);
    return concluded.ok() ? std::string() : concluded.error().failure().layer();
  };
  EXPECT_EQ(rule_of([](Plan& p) { G(p).set_counts(0, 0xFFFFFFFF), Kind(p, 11, 33); }), "validator: graph.short");
  EXPECT_EQ(rule_of([](Plan& p) { G(p).mutable_ints()->Clear(), Kind(p, 1, 33); }), "validator: graph.kind");
  EXPECT_EQ(rule_of([](Plan& p) { G(p).mutable_counts()->Clear(), Kind(p, 11, 33); }), "validator: graph.short");
}

// Room that columns have ahead is no memory: a plan that grew counts as one that came at once.
TEST(Validator, AGrownPlanHoldsWhatItsColumnsHold) {
  constexpr int kPieces = 100;
  constexpr int kTensors = 10'000;
  Plan whole;
  AddStorage(whole, v1::PLACE_INPUT, 0, 64);
  whole.add_devices("cpu");
  Plan piece;
  for (int i = 0; i < kTensors; ++i) AddTensor(piece, 0, v1::DTYPE_FLOAT32, 0, {}, {});
  PlanMaker(whole).Plain(v1::NODE_KIND_NONE);
  Validator validator(Limits(), PlaceSizes{kInputSize, kOutputSize});
  ASSERT_TRUE(validator.Add(PlanFrame(whole)).ok());
  for (int i = 0; i < kPieces; ++i) ASSERT_TRUE(validator.Add(PlanFrame(piece)).ok());
  const auto concluded = FinishWith(validator, whole.graph());
  ASSERT_TRUE(concluded.ok()) << concluded.error().failure().DebugString();
  ASSERT_EQ(concluded->totals.tensors(), uint64_t{kPieces} * kTensors);
  // With room for the name that each could have.
  constexpr uint64_t kRow = 4 * sizeof(uint32_t) + sizeof(uint64_t) + 2 * sizeof(uint32_t);
  const uint64_t held = HeldBytes(*concluded->plan);
  EXPECT_GE(held, kPieces * kTensors * kRow);
  EXPECT_LE(held, kPieces * kTensors * kRow + 16'384);
}

size_t ResidentBytes() {
  size_t pages = 0;
  size_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

// A worker can fill one column up to the limit. What the column has outgrown is no memory any more.
TEST(Validator, AColumnThatGrowsLeavesNoMemoryBehind) {
  constexpr size_t kPieceBytes = size_t{16} << 20;
  constexpr size_t kPieces = 24;
  Plan piece;
  piece.mutable_tensors()->mutable_shape()->Resize(kPieceBytes / sizeof(uint64_t), 1);
  const size_t before = ResidentBytes();
  Validator validator(Limits(), PlaceSizes{kInputSize, kOutputSize});
  for (size_t i = 0; i < kPieces; ++i) ASSERT_TRUE(validator.Add(PlanFrame(piece)).ok());
  EXPECT_LE(ResidentBytes() - before, kPieces * kPieceBytes * 3 / 2);
}

// Three files, the second one empty: a span lies in one of them.
TEST(Validator, NoSpanCrossesTheBorderOfAFile) {
  const auto rule_of = [](uint64_t offset, uint64_t nbytes) {
    Plan plan;
    plan.add_devices("cpu");
    AddStorage(plan, v1::PLACE_INPUT, offset, nbytes);
    AddStorage(plan, v1::PLACE_OUTPUT, 90, 20);
    const auto checked = CheckStorages(plan, PlaceSizes{150, 200, {100, 100, 150}});
    return checked.ok() ? std::string() : checked.error().failure().layer();
  };
  for (const auto& [offset, nbytes] : {std::pair{0, 100}, {99, 1}, {100, 50}, {149, 1}, {100, 0}, {50, 0}, {150, 0}}) {
    EXPECT_EQ(rule_of(offset, nbytes), "") << offset << " " << nbytes;
  }
  for (const auto& [offset, nbytes] : {std::pair{0, 101}, {99, 2}, {0, 150}}) {
    EXPECT_EQ(rule_of(offset, nbytes), "validator: storage.border") << offset << " " << nbytes;
  }
  EXPECT_EQ(rule_of(100, 51), "validator: storage.span");
}

// Spans that touch each other, in every order that workers name them in: that of the file, backwards, by the numbers of
// members that were written as text sorts them, shuffled.
std::vector<std::vector<uint64_t>> OrdersOfSpans(uint64_t count) {
  std::vector<uint64_t> ascending(count);
  std::iota(ascending.begin(), ascending.end(), 0);
  std::vector<uint64_t> text = ascending;
  std::ranges::sort(text, {}, [](uint64_t number) { return std::to_string(number); });
  std::vector<uint64_t> by_number(count);
  for (uint64_t i = 0; i < count; ++i) by_number[text[i]] = i;
  std::vector<uint64_t> shuffled = ascending;
  std::ranges::shuffle(shuffled, std::mt19937_64(4));
  return {ascending, {ascending.rbegin(), ascending.rend()}, by_number, shuffled};
}

TEST(Validator, FindsTheOnePairThatOverlapsInAnyOrder) {
  constexpr uint64_t kBytes = 8;
  for (const uint64_t count : {2, 3, 7, 1111}) {
    for (const auto& order : OrdersOfSpans(count)) {
      Plan plan;
      plan.add_devices("cpu");
      for (const uint64_t at : order) AddStorage(plan, v1::PLACE_INPUT, at * kBytes, kBytes);
      const PlaceSizes sizes{count * kBytes, 0};
      EXPECT_TRUE(CheckStorages(plan, sizes).ok());
      for (const int row : {0, static_cast<int>(count) / 2, static_cast<int>(count) - 1}) {
        Plan broken = plan;
        const uint64_t offset = plan.storages().offset(row);
        broken.mutable_storages()->set_offset(row, offset == 0 ? 1 : offset - 1);
        const auto checked = CheckStorages(broken, sizes);
        ASSERT_FALSE(checked.ok()) << count << " " << row;
        EXPECT_EQ(checked.error().failure().layer(), "validator: storage.overlap");
      }
    }
  }
}

// In CompoundPlan: counts 1 and 2 are the sparse tensors', 3 the meta tensor's, 4 the record's.
const Lie kCompoundLies[] = {
    LIE("graph.short", G(p).mutable_refs()->RemoveLast()),
    LIE("graph.tensor", G(p).set_links(0, 5)),
    LIE("graph.record-part", G(p).set_refs(29, 27)),
    LIE("graph.sparse", G(p).set_counts(1, 0)),
    LIE("graph.sparse", G(p).set_counts(1, 6)),
    LIE("graph.sparse", G(p).set_counts(1, 32 | v1::SPARSE_BIT_COO)),
    LIE("graph.sparse", G(p).set_counts(2, v1::SPARSE_BIT_CSR | v1::SPARSE_BIT_COALESCED)),
    LIE("graph.sparse", G(p).set_counts(2, v1::SPARSE_BIT_COO)),
    LIE("graph.sparse", G(p).set_counts(1, v1::SPARSE_BIT_CSC)),
    LIE("graph.sparse", G(p).set_refs(8, 10)),
    LIE("graph.sparse", G(p).set_refs(8, 11)),
    LIE("graph.sparse", G(p).set_refs(8, 14)),
    LIE("graph.sparse", G(p).set_refs(9, 9)),
    LIE("graph.sparse", G(p).set_refs(10, 10)),
    LIE("graph.sparse", G(p).set_refs(10, 13)),
    LIE("graph.sparse", G(p).set_refs(10, 18)),
    LIE("graph.sparse", G(p).set_refs(11, 17)),
    LIE("graph.sparse", G(p).set_ints(0, -1)),
    LIE("graph.sparse", T(p).set_dtype(0, v1::DTYPE_INT16)),
    LIE("graph.sparse", T(p).set_dtype(2, v1::DTYPE_FLOAT32)),
    LIE("graph.sparse", T(p).set_shape(1, 2)),
    LIE("graph.sparse", G(p).set_refs(12, 18)),
    LIE("graph.sparse", G(p).set_refs(13, 10)),
    LIE("graph.sparse", G(p).set_refs(13, 13)),
    LIE("graph.sparse", G(p).set_refs(14, 13)),
    LIE("graph.meta", G(p).set_counts(3, 16)),
    LIE("graph.meta", G(p).set_refs(16, 22)),
    LIE("graph.meta", G(p).set_refs(17, 17)),
    LIE("graph.meta", G(p).set_refs(18, 12)),
    LIE("graph.meta", G(p).set_refs(18, 20)),
    LIE("graph.meta", G(p).set_refs(32, 27)),
    LIE("graph.nested", G(p).set_refs(19, 10)),
    LIE("graph.nested", G(p).set_refs(19, 9)),
    LIE("graph.nested", G(p).set_refs(20, 9)),
    LIE("graph.nested", G(p).set_refs(21, 14)),
    LIE("graph.nested", G(p).set_refs(22, 13)),
    LIE("graph.nested", G(p).set_refs(22, 11)),
    LIE("graph.stream", G(p).set_refs(23, 22)),
    LIE("graph.stream", G(p).set_refs(24, 5)),
    LIE("graph.attributed", G(p).set_refs(35, 6)),
    LIE("graph.attributed", G(p).set_refs(35, 21)),
    LIE("graph.scalar", G(p).set_refs(25, 16)),
    LIE("graph.scalar", G(p).set_refs(26, 27)),
    LIE("graph.numpy-dtype", (*G(p).mutable_blob())[G(p).blob().find('<')] = 'x'),
    LIE("graph.numpy-dtype", (*G(p).mutable_blob())[G(p).blob().find("i8")] = '\n'),
};

TEST(Validator, CompoundsAreWhatTheirPartsSay) {
  ASSERT_TRUE(Validate(CompoundPlan()).ok()) << Validate(CompoundPlan()).error().failure().DebugString();
  for (size_t i = 0; i < std::size(kCompoundLies); ++i) {
    Plan plan = CompoundPlan();
    Done done = ValidDone();
    Limits limits;
    kCompoundLies[i].tell(plan, done, limits);
    const auto concluded = Validate(plan, done, limits);
    ASSERT_FALSE(concluded.ok()) << kCompoundLies[i].rule << ", row " << i;
    EXPECT_EQ(concluded.error().failure().layer(), std::string("validator: ") + kCompoundLies[i].rule) << "row " << i;
  }
}

// n streams, each the root of the one before.
TEST(Validator, StreamsInStreamsAreCounted) {
  const auto nested = [](uint32_t streams) {
    Plan plan;
    PlanMaker make(plan);
    for (uint32_t i = 0; i < streams; ++i) make.Refs(v1::NODE_KIND_STREAM, {streams, i + 1});
    make.Text(v1::NODE_KIND_BYTES, "");
    return plan;
  };
  Limits limits;
  limits.nested = 3;
  EXPECT_TRUE(Validate(nested(3), ValidDone(), limits).ok());
  EXPECT_EQ(Validate(nested(4), ValidDone(), limits).error().failure().layer(), "validator: graph.stream");
}

TEST(Validator, ATensorWithoutDataHasNoMoreDimensionsThanAnother) {
  Limits limits;
  limits.dims = 2;
  EXPECT_TRUE(Validate(CompoundPlan(), ValidDone(), limits).ok());
  limits.dims = 1;
  Plan plan;
  PlanMaker make(plan);
  make.Holder(v1::NODE_KIND_META_TENSOR, 0, {1, 2, 3});
  make.Text(v1::NODE_KIND_DTYPE, "float32");
  make.Holder(v1::NODE_KIND_SIZE, 2, {4, 4});
  make.Holder(v1::NODE_KIND_TUPLE, 2, {4, 4});
  make.Int(1);
  EXPECT_EQ(Validate(plan, ValidDone(), limits).error().failure().layer(), "validator: graph.meta");
}

// Otherwise sparse tensors without elements could share a size of millions, and the validator, which nobody's deadline
// ends, would go through it for each of them.
TEST(Validator, ASparseTensorHasNoMoreDimensionsThanAnother) {
  constexpr uint32_t kSizes = 1 << 20;
  constexpr uint32_t kTensors = 5'000;
  Plan plan;
  PlanMaker make(plan);
  G(plan).add_counts(kTensors);
  for (uint32_t i = 0; i < kTensors; ++i) G(plan).add_refs(6 + i);
  make.Plain(v1::NODE_KIND_LIST);
  make.Tensor(0);                  // 1: indices [sizes, 0]
  make.Plain(v1::NODE_KIND_NONE);  // 2
  make.Tensor(1);                  // 3: values [0]
  make.Int(1);                     // 4
  G(plan).add_counts(kSizes);      // 5
  for (uint32_t i = 0; i < kSizes; ++i) G(plan).add_refs(4);
  make.Plain(v1::NODE_KIND_SIZE);
  for (uint32_t i = 0; i < kTensors; ++i) {
    make.Holder(v1::NODE_KIND_SPARSE_TENSOR, v1::SPARSE_BIT_COO, {1, 2, 3, 5});
  }
  plan.add_devices("cpu");
  AddStorage(plan, v1::PLACE_INPUT, 0, 0);
  AddTensor(plan, 0, v1::DTYPE_INT64, 0, {kSizes, 0}, {1, 1});
  AddTensor(plan, 0, v1::DTYPE_FLOAT32, 0, {0}, {1});
  const auto start = std::chrono::steady_clock::now();
  const auto concluded = Validate(plan);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  ASSERT_FALSE(concluded.ok()) << took.count() << " s";
  EXPECT_EQ(concluded.error().failure().layer(), "validator: graph.sparse");
}

TEST(Validator, EveryRuleHasALie) {
  // The two of the first frame are told below, those of sets and of a graph in a piece above, that of a second worker
  // in repeat_validator_test, that of holes in graph_file_test.
  std::set<std::string_view> told = {"ready.version", "ready.layers", "storage.border", "piece.graph",
                                     "repeat.plan",   "graph.holes",  "graph.surplus"};
  for (const Lie& lie : kLies) told.insert(lie.rule);
  for (const Lie& lie : kCompoundLies) told.insert(lie.rule);
  for (const RuleRow& row : Rules()) EXPECT_TRUE(told.contains(row.id)) << row.id;
}

TEST(Validator, TheFirstFrameMustBeOurs) {
  const auto open = [](const std::string& version, uint64_t layers) {
    worker::v1::Frame frame;
    frame.mutable_ready()->set_version(version);
    frame.mutable_ready()->set_layers(layers);
    return Validator::OpenReady(Tainted(std::move(frame)));
  };
  EXPECT_TRUE(open(kVersion, walls::kSeccomp).ok());
  EXPECT_EQ(open("0.0.0", walls::kSeccomp).error().failure().layer(), "validator: ready.version");
  EXPECT_EQ(open(kVersion, uint64_t{1} << 60).error().failure().layer(), "validator: ready.layers");
}

TEST(Validator, ZeroSizedTensorsNeedNoBytes) {
  Plan plan = ValidPlan();
  T(plan).set_shape(0, 0);
  T(plan).set_offset(0, 16);
  EXPECT_TRUE(Validate(plan).ok());
}

TEST(Validator, JudgesByItself) {
  Plan plan = ValidPlan();
  plan.mutable_symbols(0)->set_class_(v1::SYMBOL_CLASS_KNOWN);
  EXPECT_EQ(Validate(plan)->judgement, v1::VERDICT_CLEAN);
  plan.mutable_symbols(0)->set_class_(v1::SYMBOL_CLASS_DANGEROUS);
  EXPECT_EQ(Validate(plan)->judgement, v1::VERDICT_UNKNOWN_TYPES) << "named, never called";
  plan.mutable_symbols(0)->set_would_call(true);
  EXPECT_EQ(Validate(plan)->judgement, v1::VERDICT_DANGEROUS);
  plan.mutable_symbols(0)->set_class_(v1::SYMBOL_CLASS_KNOWN);
  plan.mutable_findings(0)->set_severity(v1::SEVERITY_DANGER);
  EXPECT_EQ(Validate(plan)->judgement, v1::VERDICT_DANGEROUS);
}

TEST(Validator, AFailedLoadKeepsItsInventoryOnly) {
  Done done = ValidDone();
  done.set_reason(v1::REASON_PICKLE_MALFORMED);
  done.set_message("opcode \x01");
  done.set_offset(12);
  const auto concluded = Validate(ValidPlan(), done);
  ASSERT_TRUE(concluded.ok());
  EXPECT_EQ(concluded->verdict.reason(), v1::REASON_PICKLE_MALFORMED);
  EXPECT_EQ(concluded->verdict.failure().offset(), 12U);
  EXPECT_EQ(concluded->plan->graph().kinds().size(), 0U);
  EXPECT_EQ(concluded->plan->storages().place_size(), 0);
  EXPECT_EQ(concluded->plan->symbols_size(), 1);
}

// A plan of one node takes one byte here.
TEST(Validator, APlanOfJustTheAllowedMemoryPasses) {
  Plan plan;
  PlanMaker(plan).Plain(v1::NODE_KIND_NONE);
  Limits limits;
  limits.memory_bytes = 1;
  EXPECT_TRUE(Validate(plan, ValidDone(), limits).ok());
  PlanMaker(plan).Plain(v1::NODE_KIND_NONE);
  EXPECT_EQ(Validate(plan, ValidDone(), limits).error().failure().limit().name(), "memory_bytes");
}

// What symbols and findings say counts like every other column, and is looked at before it is kept.
TEST(Validator, TextsTakeOfTheAllowedMemory) {
  Limits limits;
  limits.memory_bytes = 100'000;
  Plan plan = ValidPlan();
  for (int i = 0; i < 90; ++i) {
    v1::Symbol& symbol = *plan.add_symbols();
    symbol.set_module(std::string(1000, 'm'));
    symbol.set_name(std::to_string(i));
    symbol.set_class_(v1::SYMBOL_CLASS_KNOWN);
  }
  EXPECT_EQ(Validate(plan, ValidDone(), limits).error().failure().limit().name(), "memory_bytes");
  Validator validator(limits, {});
  v1::PlanChunk piece;
  piece.add_symbols()->set_module(std::string(50'000, 'm'));
  const auto added = validator.Add(PlanFrame(piece));
  ASSERT_FALSE(added.ok());
  EXPECT_EQ(added.error().outcome(), v1::OUTCOME_VIOLATION);
}

TEST(Validator, APlanTooLargeForTheBrokerIsALimit) {
  Limits limits;
  limits.memory_bytes = 100;
  const auto concluded = Validate(ValidPlan(), ValidDone(), limits);
  ASSERT_FALSE(concluded.ok());
  EXPECT_EQ(concluded.error().reason(), v1::REASON_LIMIT_EXCEEDED);
  EXPECT_EQ(concluded.error().failure().limit().name(), "memory_bytes");
}

}  // namespace
}  // namespace airlock::server
