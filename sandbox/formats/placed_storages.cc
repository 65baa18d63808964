#include "sandbox/formats/placed_storages.h"

namespace airlock::formats {

Result<void> PlacedStorages::Read(uint32_t storage, uint64_t offset, std::span<uint8_t> out) {
  const tensors::Storage& row = tables_.storages()[storage];
  if (row.place == tensors::Place::kOutput) return output_.ReadAt(row.offset + offset, out);
  // A place is in offsets of the file, of which the input may be a part.
  if (!input_.in_file() || row.offset < input_.FileOffset(0)) {
    return Fail(Reason::kUnsupportedFeature, "indices that stand outside their own checkpoint");
  }
  return input_.ReadAt(row.offset - input_.FileOffset(0) + offset, out);
}

Result<std::optional<uint32_t>> AddStorageOf(std::span<const uint8_t> bytes, uint32_t device, Output& output,
                                             tensors::Tables& tables) {
  AIRLOCK_ASSIGN(const uint64_t start, output.Reserve(bytes.size()));
  AIRLOCK_TRY(output.WriteAt(start, bytes));
  return std::optional(
      tables.AddStorage({.place = tensors::Place::kOutput, .offset = start, .nbytes = bytes.size(), .device = device}));
}

}  // namespace airlock::formats
