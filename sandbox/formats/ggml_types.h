// The element types of GGUF files: plain ones, which torch has too, and blocks of quantised elements.
#pragma once

#include <cstdint>
#include <string_view>

#include "sandbox/tensors/tables.h"

namespace airlock::formats {

struct GgmlType {
  uint32_t number;
  std::string_view name;
  tensors::DType plain;     // kNone: blocks of quantised elements, which are handed on as they are
  uint32_t block_elements;  // 1 for plain ones
  uint32_t block_bytes;
};

// nullptr for numbers that are not known, or were given up.
const GgmlType* FindGgmlType(uint32_t number);

}  // namespace airlock::formats
