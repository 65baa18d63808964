// ArrayStorages: where the elements of arrays go. Bytes of the input stay where they are; what came out of a pickle or
// must be turned around is written to the output.
#pragma once

#include "sandbox/formats/input.h"
#include "sandbox/pickle/source.h"
#include "sandbox/tensors/array_data.h"

namespace airlock::formats {

// Borrows both.
class ArrayStorages final : public tensors::ArrayData {
 public:
  ArrayStorages(const Input& input, Output& output) : input_(input), output_(output) {}

  Result<tensors::Storage> Keep(std::span<const uint8_t> bytes, uint64_t swap_size) override;
  Result<tensors::Storage> Reserve(uint64_t nbytes) override;
  Result<void> Write(const tensors::Storage& storage, uint64_t offset, std::span<uint8_t> bytes,
                     uint64_t swap_size) override;
  Result<void> Read(pickle::InputSpan span, uint64_t offset, std::span<uint8_t> out) override;
  // Of a span of this input, in offsets of the file.
  Result<tensors::Storage> Place(pickle::InputSpan span, uint64_t swap_size) override;
  // Bytes of the input by its own offsets. REQUIRES: they are in place.
  tensors::Storage PlaceAt(uint64_t offset, uint64_t nbytes) const;
  // The next `nbytes` bytes of a stream.
  Result<tensors::Storage> Copy(pickle::Source& source, uint64_t nbytes, uint64_t swap_size);

 private:
  const Input& input_;
  Output& output_;
};

}  // namespace airlock::formats
