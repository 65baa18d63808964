// The header of a safetensors file: one JSON object, read strictly. Whatever two JSON readers could take in two ways
// (a name twice, a NUL, a number that is no count) is an error.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/tensors/tables.h"

namespace airlock::formats {

struct SafetensorsEntry {
  std::string name;
  tensors::DType dtype = tensors::DType::kNone;
  std::vector<uint64_t> shape;
  uint64_t begin = 0;  // bytes from the end of the header
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in file order
  bool has_metadata = false;
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Fails as kSafetensorsMalformed, or as kUnsupportedFeature for an element type that is not read.
Result<SafetensorsHeader> ParseSafetensorsHeader(std::string_view json, uint64_t max_tensors, uint64_t max_dims);

}  // namespace airlock::formats
