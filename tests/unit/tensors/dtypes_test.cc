#include "sandbox/tensors/dtypes.h"

#include <gtest/gtest.h>

namespace airlock::tensors {
namespace {

TEST(DTypes, EveryRowIsFoundByEachOfItsNames) {
  for (int i = 1; i <= static_cast<int>(kLastDType); ++i) {
    const DTypeRow& row = RowOf(static_cast<DType>(i));
    EXPECT_EQ(static_cast<int>(row.dtype), i);
    EXPECT_EQ(FindDTypeByName(row.name), &row);
    EXPECT_EQ(row.item_size % row.swap_size, 0);
    if (!row.storage.empty()) {
      EXPECT_EQ(FindDTypeByStorage(row.storage), &row);
    }
    if (!row.safetensors.empty()) {
      EXPECT_EQ(FindDTypeBySafetensors(row.safetensors), &row);
    }
  }
}

TEST(DTypes, NothingIsFoundByAnEmptyName) {
  EXPECT_EQ(FindDTypeByName(""), nullptr);
  EXPECT_EQ(FindDTypeByStorage(""), nullptr);
  EXPECT_EQ(FindDTypeBySafetensors(""), nullptr);
}

TEST(DTypes, NamesThatTorchPrintsOtherwise) {
  EXPECT_EQ(CanonicalDTypeName("float"), "float32");
  EXPECT_EQ(CanonicalDTypeName("bfloat16"), "bfloat16");
  EXPECT_EQ(CanonicalDTypeName("quint4x2"), "quint4x2");
  EXPECT_EQ(CanonicalDTypeName("Tensor"), "");
}

TEST(DTypes, PackedOnesAreQuantized) {
  EXPECT_EQ(ElementsPerByte(DType::kNone), 1U);
  EXPECT_EQ(ElementsPerByte(DType::kFloat4E2M1FNX2), 1U);
  EXPECT_EQ(ElementsPerByte(DType::kQUInt4x2), 2U);
  EXPECT_EQ(ElementsPerByte(DType::kQUInt2x4), 4U);
  EXPECT_TRUE(IsQuantized(DType::kQUInt4x2));
}

TEST(DTypes, SizesAreTorchs) {
  EXPECT_EQ(ItemSize(DType::kNone), 1U);
  EXPECT_EQ(ItemSize(DType::kBool), 1U);
  EXPECT_EQ(ItemSize(DType::kBFloat16), 2U);
  EXPECT_EQ(ItemSize(DType::kComplex128), 16U);
  EXPECT_EQ(RowOf(DType::kComplex64).swap_size, 4U);
  EXPECT_TRUE(IsQuantized(DType::kQUInt8));
  EXPECT_FALSE(IsQuantized(DType::kUInt8));
  EXPECT_EQ(ItemSize(DType::kBits16), 2U);
  EXPECT_EQ(ItemSize(DType::kInt4), 1U);
  EXPECT_TRUE(IsComplex(DType::kBComplex32));
  EXPECT_FALSE(IsComplex(DType::kFloat64));
}

}  // namespace
}  // namespace airlock::tensors
