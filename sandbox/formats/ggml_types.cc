#include "sandbox/formats/ggml_types.h"

#include <algorithm>
#include <iterator>

namespace airlock::formats {
namespace {

using tensors::DType;

constexpr GgmlType Plain(uint32_t number, std::string_view name, DType dtype, uint32_t bytes) {
  return {number, name, dtype, 1, bytes};
}
constexpr GgmlType Blocks(uint32_t number, std::string_view name, uint32_t elements, uint32_t bytes) {
  return {number, name, DType::kNone, elements, bytes};
}

// As ggml.h numbers them. 4, 5, 31 to 33 and 36 to 38 were given up.
constexpr GgmlType kTypes[] = {
    Plain(0, "F32", DType::kFloat32, 4),
    Plain(1, "F16", DType::kFloat16, 2),
    Blocks(2, "Q4_0", 32, 18),
    Blocks(3, "Q4_1", 32, 20),
    Blocks(6, "Q5_0", 32, 22),
    Blocks(7, "Q5_1", 32, 24),
    Blocks(8, "Q8_0", 32, 34),
    Blocks(9, "Q8_1", 32, 36),
    Blocks(10, "Q2_K", 256, 84),
    Blocks(11, "Q3_K", 256, 110),
    Blocks(12, "Q4_K", 256, 144),
    Blocks(13, "Q5_K", 256, 176),
    Blocks(14, "Q6_K", 256, 210),
    Blocks(15, "Q8_K", 256, 292),
    Blocks(16, "IQ2_XXS", 256, 66),
    Blocks(17, "IQ2_XS", 256, 74),
    Blocks(18, "IQ3_XXS", 256, 98),
    Blocks(19, "IQ1_S", 256, 50),
    Blocks(20, "IQ4_NL", 32, 18),
    Blocks(21, "IQ3_S", 256, 110),
    Blocks(22, "IQ2_S", 256, 82),
    Blocks(23, "IQ4_XS", 256, 136),
    Plain(24, "I8", DType::kInt8, 1),
    Plain(25, "I16", DType::kInt16, 2),
    Plain(26, "I32", DType::kInt32, 4),
    Plain(27, "I64", DType::kInt64, 8),
    Plain(28, "F64", DType::kFloat64, 8),
    Blocks(29, "IQ1_M", 256, 56),
    Plain(30, "BF16", DType::kBFloat16, 2),
    Blocks(34, "TQ1_0", 256, 54),
    Blocks(35, "TQ2_0", 256, 66),
    Blocks(39, "MXFP4", 32, 17),
    Blocks(40, "NVFP4", 64, 36),
};

}  // namespace

const GgmlType* FindGgmlType(uint32_t number) {
  const auto* const found = std::ranges::find(kTypes, number, &GgmlType::number);
  return found == std::end(kTypes) ? nullptr : found;
}

}  // namespace airlock::formats
