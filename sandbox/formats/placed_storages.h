// PlacedStorages: what storages hold, once they have a place.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sandbox/formats/input.h"
#include "sandbox/tensors/storage_reader.h"
#include "sandbox/tensors/tables.h"

namespace airlock::formats {

// Borrows all that it is given.
class PlacedStorages final : public tensors::StorageReader {
 public:
  PlacedStorages(const Input& input, const Output& output, const tensors::Tables& tables)
      : input_(input), output_(output), tables_(tables) {}

  Result<void> Read(uint32_t storage, uint64_t offset, std::span<uint8_t> out) override;

 private:
  const Input& input_;
  const Output& output_;
  const tensors::Tables& tables_;
};

// A new storage in the output that holds these bytes.
Result<std::optional<uint32_t>> AddStorageOf(std::span<const uint8_t> bytes, uint32_t device, Output& output,
                                             tensors::Tables& tables);

}  // namespace airlock::formats
