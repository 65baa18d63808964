// StorageReader: the bytes of storages that have a place, for those few that say something about others
// (number_check.h).
#pragma once

#include <cstdint>
#include <span>

#include "sandbox/base/error.h"

namespace airlock::tensors {

class StorageReader {
 public:
  virtual ~StorageReader() = default;
  // Fills `out` with bytes of the storage from `offset` on, as the caller of Airlock gets them: inflated,
  // little-endian. REQUIRES: they lie inside it. Made for offsets that ascend.
  virtual Result<void> Read(uint32_t storage, uint64_t offset, std::span<uint8_t> out) = 0;
};

}  // namespace airlock::tensors
