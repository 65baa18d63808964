#include "sandbox/tensors/dtypes.h"

#include <algorithm>
#include <array>

namespace airlock::tensors {
namespace {

// In DType order, from 1.
constexpr std::array kRows = {
    DTypeRow{DType::kBool, "bool", "BoolStorage", "BOOL", 1, 1},
    DTypeRow{DType::kUInt8, "uint8", "ByteStorage", "U8", 1, 1},
    DTypeRow{DType::kInt8, "int8", "CharStorage", "I8", 1, 1},
    DTypeRow{DType::kInt16, "int16", "ShortStorage", "I16", 2, 2},
    DTypeRow{DType::kInt32, "int32", "IntStorage", "I32", 4, 4},
    DTypeRow{DType::kInt64, "int64", "LongStorage", "I64", 8, 8},
    DTypeRow{DType::kFloat16, "float16", "HalfStorage", "F16", 2, 2},
    DTypeRow{DType::kBFloat16, "bfloat16", "BFloat16Storage", "BF16", 2, 2},
    DTypeRow{DType::kFloat32, "float32", "FloatStorage", "F32", 4, 4},
    DTypeRow{DType::kFloat64, "float64", "DoubleStorage", "F64", 8, 8},
    DTypeRow{DType::kComplex32, "complex32", "ComplexHalfStorage", "", 4, 2},
    DTypeRow{DType::kComplex64, "complex64", "ComplexFloatStorage", "C64", 8, 4},
    DTypeRow{DType::kComplex128, "complex128", "ComplexDoubleStorage", "", 16, 8},
    DTypeRow{DType::kUInt16, "uint16", "", "U16", 2, 2},
    DTypeRow{DType::kUInt32, "uint32", "", "U32", 4, 4},
    DTypeRow{DType::kUInt64, "uint64", "", "U64", 8, 8},
    DTypeRow{DType::kFloat8E4M3FN, "float8_e4m3fn", "", "F8_E4M3", 1, 1},
    DTypeRow{DType::kFloat8E4M3FNUZ, "float8_e4m3fnuz", "", "F8_E4M3FNUZ", 1, 1},
    DTypeRow{DType::kFloat8E5M2, "float8_e5m2", "", "F8_E5M2", 1, 1},
    DTypeRow{DType::kFloat8E5M2FNUZ, "float8_e5m2fnuz", "", "F8_E5M2FNUZ", 1, 1},
    DTypeRow{DType::kFloat8E8M0FNU, "float8_e8m0fnu", "", "F8_E8M0", 1, 1},
    DTypeRow{DType::kQInt8, "qint8", "QInt8Storage", "", 1, 1},
    DTypeRow{DType::kQUInt8, "quint8", "QUInt8Storage", "", 1, 1},
    DTypeRow{DType::kQInt32, "qint32", "QInt32Storage", "", 4, 4},
    DTypeRow{DType::kFloat4E2M1FNX2, "float4_e2m1fn_x2", "", "", 1, 1},
    DTypeRow{DType::kBits8, "bits8", "", "", 1, 1},
    DTypeRow{DType::kBits16, "bits16", "", "", 2, 2},
    DTypeRow{DType::kBits1x8, "bits1x8", "", "", 1, 1},
    DTypeRow{DType::kBits2x4, "bits2x4", "", "", 1, 1},
    DTypeRow{DType::kBits4x2, "bits4x2", "", "", 1, 1},
    DTypeRow{DType::kBComplex32, "bcomplex32", "", "", 4, 2},
    DTypeRow{DType::kInt1, "int1", "", "", 1, 1},
    DTypeRow{DType::kInt2, "int2", "", "", 1, 1},
    DTypeRow{DType::kInt3, "int3", "", "", 1, 1},
    DTypeRow{DType::kInt4, "int4", "", "", 1, 1},
    DTypeRow{DType::kInt5, "int5", "", "", 1, 1},
    DTypeRow{DType::kInt6, "int6", "", "", 1, 1},
    DTypeRow{DType::kInt7, "int7", "", "", 1, 1},
    DTypeRow{DType::kUInt1, "uint1", "", "", 1, 1},
    DTypeRow{DType::kUInt2, "uint2", "", "", 1, 1},
    DTypeRow{DType::kUInt3, "uint3", "", "", 1, 1},
    DTypeRow{DType::kUInt4, "uint4", "", "", 1, 1},
    DTypeRow{DType::kUInt5, "uint5", "", "", 1, 1},
    DTypeRow{DType::kUInt6, "uint6", "", "", 1, 1},
    DTypeRow{DType::kUInt7, "uint7", "", "", 1, 1},
    DTypeRow{DType::kQUInt4x2, "quint4x2", "QUInt4x2Storage", "", 1, 1, 2},
    DTypeRow{DType::kQUInt2x4, "quint2x4", "QUInt2x4Storage", "", 1, 1, 4},
};

constexpr bool RowsAreInOrder() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<size_t>(kRows[i].dtype) != i + 1) return false;
  }
  return kRows.size() == static_cast<size_t>(kLastDType);
}
static_assert(RowsAreInOrder());

// Other names.
struct NameRow {
  std::string_view name;
  std::string_view canonical;
};
constexpr NameRow kOtherNames[] = {
    {"half", "float16"}, {"float", "float32"},   {"double", "float64"},   {"short", "int16"},        {"int", "int32"},
    {"long", "int64"},   {"chalf", "complex32"}, {"cfloat", "complex64"}, {"cdouble", "complex128"}, {"bit", "uint1"},
};

const DTypeRow* Find(std::string_view DTypeRow::*column, std::string_view wanted) {
  if (wanted.empty()) return nullptr;
  const auto row = std::find_if(kRows.begin(), kRows.end(), [&](const DTypeRow& r) { return r.*column == wanted; });
  return row == kRows.end() ? nullptr : &*row;
}

}  // namespace

const DTypeRow& RowOf(DType dtype) { return kRows[static_cast<size_t>(dtype) - 1]; }

const DTypeRow* FindDTypeByName(std::string_view name) { return Find(&DTypeRow::name, name); }

const DTypeRow* FindDTypeByStorage(std::string_view storage) { return Find(&DTypeRow::storage, storage); }

const DTypeRow* FindDTypeBySafetensors(std::string_view name) { return Find(&DTypeRow::safetensors, name); }

uint64_t ItemSize(DType dtype) { return dtype == DType::kNone ? 1 : RowOf(dtype).item_size; }

bool IsQuantized(DType dtype) {
  return (dtype >= DType::kQInt8 && dtype <= DType::kQInt32) || ElementsPerByte(dtype) > 1;
}

uint32_t ElementsPerByte(DType dtype) { return dtype == DType::kNone ? 1 : RowOf(dtype).per_byte; }

bool IsComplex(DType dtype) {
  return (dtype >= DType::kComplex32 && dtype <= DType::kComplex128) || dtype == DType::kBComplex32;
}

std::string_view CanonicalDTypeName(std::string_view name) {
  if (const DTypeRow* row = FindDTypeByName(name); row != nullptr) return row->name;
  for (const NameRow& row : kOtherNames) {
    if (row.name == name) return row.canonical;
  }
  return {};
}

}  // namespace airlock::tensors
