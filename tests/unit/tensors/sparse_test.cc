// Sparse and nested tensors: what fits becomes one node, what does not fit stays a record, and what its own indices
// contradict ends the load.
#include <gtest/gtest.h>

#include "tests/unit/tensors/run_pickle.h"

namespace airlock::tensors {
namespace {

struct Sparse {
  const char* name;
  const char* layout;
  std::vector<Part> parts;
  std::vector<int64_t> size;
  const char* tail = "";  // opcodes after the size
};

Outcome Rebuild(const Sparse& sparse) {
  AnyStorage::Bytes bytes;
  for (const Part& part : sparse.parts) bytes[part.key] = NumberBytes(part);
  const std::string stream = Call("torch._utils", "_rebuild_sparse_tensor", [&](PickleAssembler& out) {
    out.Global("torch.serialization", "_get_layout").Mark().Text(std::string("torch.") + sparse.layout).Tuple();
    out.Reduce().Mark();
    for (const Part& part : sparse.parts) PushPart(out, part);
    out.Global("torch", "Size").Mark();
    Dims(out, sparse.size);
    out.Tuple().Reduce().Op(sparse.tail).Tuple();
  });
  return RunPickle(stream, PersistentForm::kZip, bytes);
}

Part Long(const char* key, std::vector<int64_t> shape, std::vector<int64_t> numbers) {
  return {.key = key, .type = "LongStorage", .shape = std::move(shape), .numbers = std::move(numbers)};
}
Part Int(const char* key, std::vector<int64_t> shape, std::vector<int64_t> numbers) {
  return {.key = key, .type = "IntStorage", .shape = std::move(shape), .numbers = std::move(numbers)};
}
Part Values(std::vector<int64_t> shape) { return {.key = "v", .type = "FloatStorage", .shape = std::move(shape)}; }

class SparseRow : public testing::TestWithParam<Sparse> {};
std::string NameOf(const testing::TestParamInfo<Sparse>& row) { return row.param.name; }

using GoodSparse = SparseRow;
TEST_P(GoodSparse, IsOneNode) {
  const Outcome outcome = Rebuild(GetParam());
  ASSERT_TRUE(outcome.root.ok()) << outcome.root.error().message;
  ASSERT_EQ(outcome.kind(), Kind::kSparseTensor);
  EXPECT_TRUE(outcome.context.findings.empty());
  const auto parts = outcome.context.graph.children(*outcome.root);
  ASSERT_EQ(parts.size(), 4U);
  EXPECT_EQ(outcome.context.graph.kind(parts[3]), Kind::kSize);
  EXPECT_EQ(outcome.tables.check_count(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    All, GoodSparse,
    testing::Values(
        Sparse{"Coo", "sparse_coo", {Long("i", {2, 3}, {0, 1, 2, 2, 0, 1}), Values({3})}, {3, 3}},
        Sparse{"CooFlagged", "sparse_coo", {Long("i", {2, 3}, {0, 1, 2, 2, 0, 1}), Values({3})}, {3, 3}, "\x88"},
        Sparse{"CooNotCoalesced", "sparse_coo", {Long("i", {1, 2}, {1, 0}), Values({2})}, {2}, "\x89"},
        Sparse{"CooOfUnknownOrder", "sparse_coo", {Long("i", {1, 2}, {1, 0}), Values({2})}, {2}, "N"},
        Sparse{"CooWithDuplicates", "sparse_coo", {Long("i", {1, 2}, {1, 1}), Values({2})}, {2}},
        Sparse{"CooWithDenseDimensions", "sparse_coo", {Long("i", {1, 2}, {0, 4}), Values({2, 3})}, {5, 3}},
        Sparse{"CooOfNothing", "sparse_coo", {Long("i", {2, 0}, {}), Values({0})}, {3, 3}},
        Sparse{"CooOfAHugeShape", "sparse_coo", {Long("i", {2, 1}, {9, 9}), Values({1})}, {1 << 30, 1 << 30}},
        Sparse{"Csr", "sparse_csr", {Long("c", {4}, {0, 1, 1, 3}), Long("i", {3}, {2, 0, 1}), Values({3})}, {3, 3}},
        Sparse{"CsrOfInt32", "sparse_csr", {Int("c", {3}, {0, 1, 2}), Int("i", {2}, {4, 0}), Values({2})}, {2, 5}},
        Sparse{"CsrInBatches",
               "sparse_csr",
               {Long("c", {2, 3}, {0, 1, 2, 0, 2, 2}), Long("i", {2, 2}, {0, 3, 1, 2}), Values({2, 2})},
               {2, 2, 4}},
        Sparse{"CsrOfNoRows", "sparse_csr", {Long("c", {1}, {0}), Long("i", {0}, {}), Values({0})}, {0, 3}},
        Sparse{"CsrWithDenseDimensions",
               "sparse_csr",
               {Long("c", {3}, {0, 1, 2}), Long("i", {2}, {0, 1}), Values({2, 7})},
               {2, 2, 7}},
        Sparse{"Csc", "sparse_csc", {Long("c", {6}, {0, 1, 1, 1, 1, 2}), Long("i", {2}, {1, 0}), Values({2})}, {2, 5}},
        Sparse{"Bsr", "sparse_bsr", {Long("c", {3}, {0, 1, 2}), Long("i", {2}, {1, 0}), Values({2, 2, 3})}, {4, 6}},
        Sparse{"Bsc", "sparse_bsc", {Long("c", {3}, {0, 1, 2}), Long("i", {2}, {1, 0}), Values({2, 2, 3})}, {4, 6}}),
    NameOf);

using LyingSparse = SparseRow;
TEST_P(LyingSparse, EndsTheLoad) { EXPECT_EQ(Rebuild(GetParam()).reason(), Reason::kTensorOutOfBounds); }

INSTANTIATE_TEST_SUITE_P(
    All, LyingSparse,
    testing::Values(
        Sparse{"CooIndexTooLarge", "sparse_coo", {Long("i", {2, 2}, {0, 1, 2, 3}), Values({2})}, {3, 3}},
        Sparse{"CooIndexNegative", "sparse_coo", {Long("i", {2, 2}, {0, -1, 2, 2}), Values({2})}, {3, 3}},
        Sparse{"CooNotCoalescedAsItSays", "sparse_coo", {Long("i", {1, 2}, {1, 0}), Values({2})}, {2}, "\x88"},
        Sparse{"CooDuplicatesCoalesced", "sparse_coo", {Long("i", {1, 2}, {1, 1}), Values({2})}, {2}, "\x88"},
        Sparse{"CooUncountable", "sparse_coo", {Long("i", {2, 0}, {}), Values({0})}, {INT64_MAX, INT64_MAX}},
        Sparse{"CooNegativeSize", "sparse_coo", {Long("i", {1, 0}, {}), Values({0})}, {-1}},
        Sparse{"CsrStartsLate", "sparse_csr", {Long("c", {3}, {1, 1, 2}), Long("i", {2}, {0, 1}), Values({2})}, {2, 2}},
        Sparse{"CsrEndsEarly", "sparse_csr", {Long("c", {3}, {0, 1, 1}), Long("i", {2}, {0, 1}), Values({2})}, {2, 2}},
        Sparse{"CsrEndsLate", "sparse_csr", {Long("c", {3}, {0, 1, 9}), Long("i", {2}, {0, 1}), Values({2})}, {2, 2}},
        Sparse{
            "CsrDescends", "sparse_csr", {Long("c", {4}, {0, 2, 1, 2}), Long("i", {2}, {0, 1}), Values({2})}, {3, 2}},
        Sparse{"CsrColumnTooLarge",
               "sparse_csr",
               {Long("c", {3}, {0, 1, 2}), Long("i", {2}, {0, 2}), Values({2})},
               {2, 2}},
        Sparse{
            "CsrColumnNegative", "sparse_csr", {Int("c", {3}, {0, 1, 2}), Int("i", {2}, {0, -1}), Values({2})}, {2, 2}},
        Sparse{
            "CscRowTooLarge", "sparse_csc", {Long("c", {3}, {0, 1, 2}), Long("i", {2}, {0, 5}), Values({2})}, {5, 2}},
        Sparse{"BsrBlockColumnTooLarge",
               "sparse_bsr",
               {Long("c", {3}, {0, 1, 2}), Long("i", {2}, {0, 2}), Values({2, 2, 3})},
               {4, 6}},
        Sparse{"SecondBatchLies",
               "sparse_csr",
               {Long("c", {2, 3}, {0, 1, 2, 0, 1, 1}), Long("i", {2, 2}, {0, 3, 1, 2}), Values({2, 2})},
               {2, 2, 4}}),
    NameOf);

using OddSparse = SparseRow;
TEST_P(OddSparse, StaysARecord) {
  const Outcome outcome = Rebuild(GetParam());
  ASSERT_TRUE(outcome.root.ok()) << outcome.root.error().message;
  EXPECT_EQ(outcome.kind(), Kind::kRecord);
  EXPECT_TRUE(outcome.HasFinding("torch.odd-arguments"));
  EXPECT_EQ(outcome.tables.check_count(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    All, OddSparse,
    testing::Values(
        Sparse{"Strided", "strided", {Long("i", {2, 1}, {0, 0}), Values({1})}, {3, 3}},
        Sparse{
            "FloatIndices", "sparse_coo", {{.key = "i", .type = "FloatStorage", .shape = {2, 1}}, Values({1})}, {3, 3}},
        Sparse{"FewerValues", "sparse_coo", {Long("i", {2, 2}, {0, 0, 0, 0}), Values({1})}, {3, 3}},
        Sparse{"MoreDimensionsThanSize", "sparse_coo", {Long("i", {2, 1}, {0, 0}), Values({1})}, {3}},
        Sparse{"DenseDimensionDiffers", "sparse_coo", {Long("i", {1, 1}, {0}), Values({1, 4})}, {3, 5}},
        Sparse{"FlatIndices", "sparse_coo", {Long("i", {1}, {0}), Values({1})}, {3}},
        Sparse{"CoalescedIsANumber", "sparse_coo", {Long("i", {1, 1}, {0}), Values({1})}, {3}, "K\x01"},
        Sparse{"CsrOfThreeParts", "sparse_csr", {Long("c", {2}, {0, 1}), Values({1})}, {1, 1}},
        Sparse{"CsrRowsDiffer", "sparse_csr", {Long("c", {3}, {0, 1, 2}), Long("i", {2}, {0, 1}), Values({2})}, {3, 2}},
        Sparse{
            "CsrValuesDiffer", "sparse_csr", {Long("c", {3}, {0, 1, 2}), Long("i", {2}, {0, 1}), Values({3})}, {2, 2}},
        Sparse{
            "CsrMixedIndices", "sparse_csr", {Int("c", {3}, {0, 1, 2}), Long("i", {2}, {0, 1}), Values({2})}, {2, 2}},
        Sparse{"BsrBlocksDoNotFill",
               "sparse_bsr",
               {Long("c", {3}, {0, 1, 2}), Long("i", {2}, {1, 0}), Values({2, 2, 3})},
               {4, 7}},
        Sparse{
            "BsrWithoutBlocks", "sparse_bsr", {Long("c", {3}, {0, 1, 2}), Long("i", {2}, {1, 0}), Values({2})}, {4, 6}},
        Sparse{"BatchesDiffer",
               "sparse_csr",
               {Long("c", {2, 3}, {0, 1, 2, 0, 1, 2}), Long("i", {1, 2}, {0, 3}), Values({2, 2})},
               {2, 2, 4}}),
    NameOf);

TEST(Sparse, BitsTellLayoutAndOrder) {
  const auto bits = [](const Sparse& sparse) {
    const Outcome outcome = Rebuild(sparse);
    return outcome.context.graph.count(*outcome.root);
  };
  EXPECT_EQ(bits({"", "sparse_coo", {Long("i", {1, 1}, {0}), Values({1})}, {3}, "\x88"}), 1U | kSparseCoalesced);
  EXPECT_EQ(bits({"", "sparse_coo", {Long("i", {1, 1}, {0}), Values({1})}, {3}}), 1U);
  EXPECT_EQ(bits({"", "sparse_bsc", {Long("c", {2}, {0, 1}), Long("i", {1}, {0}), Values({1, 2, 2})}, {2, 2}}), 5U);
}

TEST(Sparse, UnsortedRowsAreSaid) {
  const Outcome outcome =
      Rebuild({"", "sparse_csr", {Long("c", {2}, {0, 2}), Long("i", {2}, {1, 0}), Values({2})}, {1, 2}});
  EXPECT_EQ(outcome.kind(), Kind::kSparseTensor);
  EXPECT_TRUE(outcome.HasFinding("torch.unsorted-indices"));
}

TEST(Sparse, LongIndicesAreReadInWindows) {
  constexpr int64_t kEntries = 50'000;
  std::vector<int64_t> numbers(2 * kEntries, 3);
  EXPECT_EQ(Rebuild({"", "sparse_coo", {Long("i", {2, kEntries}, numbers), Values({kEntries})}, {4, 4}}).kind(),
            Kind::kSparseTensor);
  numbers.back() = 4;
  const Outcome outcome = Rebuild({"", "sparse_coo", {Long("i", {2, kEntries}, numbers), Values({kEntries})}, {4, 4}});
  EXPECT_EQ(outcome.reason(), Reason::kTensorOutOfBounds);
  EXPECT_LE(outcome.largest_read, size_t{64} << 10);
}

TEST(Sparse, IndicesOfNoStrideAreCountedBeforeTheyAreRead) {
  Part indices = Long("i", {1, int64_t{1} << 40}, {0});
  indices.stride = {0, 0};
  indices.numel = 1;
  Part values = Values({int64_t{1} << 40});
  values.stride = {0};
  values.numel = 1;
  const Outcome outcome = Rebuild({"", "sparse_coo", {indices, values}, {3}});
  EXPECT_EQ(outcome.reason(), Reason::kLimitExceeded);
  EXPECT_EQ(outcome.largest_read, 0U);
}

TEST(Sparse, StridedIndicesAreFollowed) {
  Part indices = Long("i", {2, 2}, {0, 1, 2, 7});
  indices.stride = {1, 2};
  EXPECT_EQ(Rebuild({"", "sparse_coo", {indices, Values({2})}, {3, 8}}).kind(), Kind::kSparseTensor);
  EXPECT_EQ(Rebuild({"", "sparse_coo", {indices, Values({2})}, {8, 3}}).reason(), Reason::kTensorOutOfBounds);
}

std::string Nested(const std::vector<Part>& parts) {
  return Call("torch._utils", "_rebuild_nested_tensor", [&](PickleAssembler& out) {
    for (const Part& part : parts) PushPart(out, part);
  });
}

Outcome RunNested(const std::vector<Part>& parts) {
  AnyStorage::Bytes bytes;
  for (const Part& part : parts) bytes[part.key] = NumberBytes(part);
  return RunPickle(Nested(parts), PersistentForm::kZip, bytes);
}

TEST(Nested, PartsThatFitAreOneNode) {
  const Outcome outcome = RunNested(
      {Values({9}), Long("s", {2, 2}, {2, 3, 1, 3}), Long("t", {2, 2}, {3, 1, 3, 1}), Long("o", {2}, {0, 6})});
  ASSERT_TRUE(outcome.root.ok()) << outcome.root.error().message;
  ASSERT_EQ(outcome.kind(), Kind::kNestedTensor);
  EXPECT_EQ(outcome.context.graph.children(*outcome.root).size(), 4U);
  EXPECT_TRUE(outcome.context.findings.empty());
}

TEST(Nested, PartsOutsideTheBufferEndTheLoad) {
  const auto reason = [](std::vector<int64_t> sizes, std::vector<int64_t> strides, std::vector<int64_t> offsets) {
    return RunNested({Values({9}), Long("s", {2, 2}, std::move(sizes)), Long("t", {2, 2}, std::move(strides)),
                      Long("o", {2}, std::move(offsets))})
        .reason();
  };
  EXPECT_EQ(reason({2, 3, 1, 3}, {3, 1, 3, 1}, {0, 7}), Reason::kTensorOutOfBounds);
  EXPECT_EQ(reason({2, 3, 1, 3}, {3, 1, 3, 1}, {0, -1}), Reason::kTensorOutOfBounds);
  EXPECT_EQ(reason({2, 3, 2, 3}, {3, 1, 3, 1}, {0, 6}), Reason::kTensorOutOfBounds);
  EXPECT_EQ(reason({2, -3, 1, 3}, {3, 1, 3, 1}, {0, 6}), Reason::kTensorOutOfBounds);
  EXPECT_EQ(reason({2, 3, 1, 3}, {3, -1, 3, 1}, {0, 6}), Reason::kTensorOutOfBounds);
  EXPECT_EQ(reason({2, 3, 2, 3}, {3, 1, INT64_MAX, 1}, {0, 6}), Reason::kTensorOutOfBounds);
  EXPECT_EQ(reason({2, 3, 1, 3}, {3, 1, 3, 1}, {0, 6}), Reason{});
}

TEST(Nested, PartsThatDoNotFitStayARecord) {
  const Part sizes = Long("s", {2, 2}, {2, 3, 1, 3});
  const Part strides = Long("t", {2, 2}, {3, 1, 3, 1});
  const Part offsets = Long("o", {2}, {0, 6});
  EXPECT_EQ(RunNested({Values({3, 3}), sizes, strides, offsets}).kind(), Kind::kRecord);
  EXPECT_EQ(RunNested({Values({9}), sizes, Long("t", {4}, {3, 1, 3, 1}), offsets}).kind(), Kind::kRecord);
  EXPECT_EQ(RunNested({Values({9}), sizes, strides, Long("o", {3}, {0, 6, 9})}).kind(), Kind::kRecord);
  EXPECT_EQ(RunNested({Values({9}), Int("s", {2, 2}, {2, 3, 1, 3}), strides, offsets}).kind(), Kind::kRecord);
  EXPECT_TRUE(RunNested({Values({9}), sizes, strides, sizes}).HasFinding("torch.odd-arguments"));
}

}  // namespace
}  // namespace airlock::tensors
