#include "sandbox/formats/placed_storages.h"

namespace airlock::formats {

Result<void> PlacedStorages::Read(uint32_t storage, uint64_t offset, std::span<uint8_t> out) {
  const tensors::Storage& row = tables_.storages()[storage];
  if (const auto start = input_.OffsetOf(row)) return input_.ReadAt(*start + offset, out);
  if (row.place == tensors::Place::kOutput) return output_.ReadAt(row.offset + offset, out);
  return Fail(Reason::kUnsupportedFeature, "indices that stand outside their own checkpoint");
}

Result<std::optional<uint32_t>> AddStorageOf(std::span<const uint8_t> bytes, uint32_t device, Output& output,
                                             tensors::Tables& tables) {
  AIRLOCK_ASSIGN(const uint64_t start, output.Reserve(bytes.size()));
  AIRLOCK_TRY(output.WriteAt(start, bytes));
  return std::optional(
      tables.AddStorage({.place = tensors::Place::kOutput, .device = device, .offset = start, .nbytes = bytes.size()}));
}

}  // namespace airlock::formats
