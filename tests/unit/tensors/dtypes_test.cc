#include "sandbox/tensors/dtypes.h"

#include <gtest/gtest.h>

namespace airlock::tensors {
namespace {

TEST(DTypes, EveryRowIsFoundByEachOfItsNames) {
  for (int i = 1; i <= static_cast<int>(DType::kQInt32); ++i) {
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

TEST(DTypes, SizesAreTorchs) {
  EXPECT_EQ(ItemSize(DType::kNone), 1U);
  EXPECT_EQ(ItemSize(DType::kBool), 1U);
  EXPECT_EQ(ItemSize(DType::kBFloat16), 2U);
  EXPECT_EQ(ItemSize(DType::kComplex128), 16U);
  EXPECT_EQ(RowOf(DType::kComplex64).swap_size, 4U);
  EXPECT_TRUE(IsQuantized(DType::kQUInt8));
  EXPECT_FALSE(IsQuantized(DType::kUInt8));
}

}  // namespace
}  // namespace airlock::tensors
