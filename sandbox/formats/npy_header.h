// The header of a .npy file: a Python dict literal of three keys, read by a grammar of its own. Numpy's reader
// evaluates it; what numpy's writer would not have written is malformed here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/pickle/source.h"
#include "sandbox/tensors/numpy_structure.h"

namespace airlock::formats {

// Numpy itself stops at 10,000 unless it is told otherwise; a shape of 64 numbers needs 1,500.
inline constexpr uint64_t kMaxNpyHeader = uint64_t{64} << 10;

struct NpyHeader {
  // dtype.str; empty where there are fields.
  std::string descr;
  std::optional<tensors::NumpyStructure> structure;
  bool fortran = false;
  std::vector<uint64_t> shape;
};

// The text of the dict, padding included, in UTF-8. `at` is its offset, for messages.
Result<NpyHeader> ParseNpyHeader(std::string_view text, uint64_t max_dims, uint64_t at);

// Magic, version, length and text; leaves the source on the first element.
Result<NpyHeader> ReadNpyHeader(pickle::Source& source, uint64_t max_dims);

}  // namespace airlock::formats
