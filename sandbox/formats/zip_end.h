// The end of a zip archive: the records that say where the central directory is. Readers find them in different ways
// (last signature, first signature, exact comment length, zip64 locator or not); only an archive in which all ways lead
// to the same directory passes.
#pragma once

#include <cstdint>

#include "sandbox/base/error.h"
#include "sandbox/formats/input.h"

namespace airlock::formats {

struct ZipEnd {
  uint64_t entries = 0;
  // The directory ends where the end records start; nothing is between.
  uint64_t directory_offset = 0;
  uint64_t directory_size = 0;
  uint64_t comment_size = 0;
};

Result<ZipEnd> FindZipEnd(const Input& input);

}  // namespace airlock::formats
