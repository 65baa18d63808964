// The strings and codes of numpy's dtypes: which are understood, and as what.
#include "sandbox/tensors/numpy_dtype.h"

#include <gtest/gtest.h>

namespace airlock::tensors {
namespace {

struct GoodRow {
  const char* text;
  const char* canonical;
  DType number;
  uint64_t item_size;
  uint64_t swap_size;
};

class GoodDType : public testing::TestWithParam<GoodRow> {};

TEST_P(GoodDType, IsRead) {
  const auto dtype = ParseNumpyDType(GetParam().text);
  ASSERT_TRUE(dtype);
  EXPECT_EQ(dtype->text, GetParam().canonical);
  EXPECT_EQ(dtype->number, GetParam().number);
  EXPECT_EQ(dtype->item_size, GetParam().item_size);
  EXPECT_EQ(dtype->swap_size, GetParam().swap_size);
}

INSTANTIATE_TEST_SUITE_P(
    All, GoodDType,
    testing::Values(GoodRow{"|b1", "|b1", DType::kBool, 1, 1}, GoodRow{"<i1", "|i1", DType::kInt8, 1, 1},
                    GoodRow{">u1", "|u1", DType::kUInt8, 1, 1}, GoodRow{"=i4", "<i4", DType::kInt32, 4, 1},
                    GoodRow{"<f2", "<f2", DType::kFloat16, 2, 1}, GoodRow{">u8", ">u8", DType::kUInt64, 8, 8},
                    GoodRow{">c8", ">c8", DType::kComplex64, 8, 4}, GoodRow{">c16", ">c16", DType::kComplex128, 16, 8},
                    GoodRow{"<f16", "<f16", DType::kNone, 16, 1}, GoodRow{"<U5", "<U5", DType::kNone, 20, 1},
                    GoodRow{">U5", ">U5", DType::kNone, 20, 4}, GoodRow{"|S3", "|S3", DType::kNone, 3, 1},
                    GoodRow{"|V0", "|V0", DType::kNone, 0, 1}, GoodRow{"|O", "|O", DType::kNone, 0, 1},
                    GoodRow{"<M8[ns]", "<M8[ns]", DType::kNone, 8, 1},
                    GoodRow{">m8[25us]", ">m8[25us]", DType::kNone, 8, 8}, GoodRow{"<M8", "<M8", DType::kNone, 8, 1}));

TEST(NumpyDType, OthersAreNotUnderstood) {
  for (const char* text : {"",
                           "<",
                           "f8",
                           "<f3",
                           "<i16",
                           "|f8",
                           "|U5",
                           "|M8[ns]",
                           "<f08",
                           "<U-1",
                           "<U05",
                           "<U99999999999",
                           "<U5x",
                           "<M8[",
                           "<M8[ns",
                           "<M8[]",
                           "<M8[fortnight]",
                           "<f8[ns]",
                           "!f8",
                           "<float64",
                           "<x1",
                           "<M8[01ns]",
                           "<b1 "}) {
    EXPECT_FALSE(ParseNumpyDType(text)) << text;
  }
}

TEST(NumpyDType, ClassesHaveCodes) {
  EXPECT_EQ(CodeOfNumpyClass("Float64DType"), "f8");
  EXPECT_EQ(CodeOfNumpyClass("BoolDType"), "b1");
  EXPECT_EQ(CodeOfNumpyClass("StrDType"), "");
  EXPECT_EQ(CodeOfNumpyClass(""), "");
}

}  // namespace
}  // namespace airlock::tensors
