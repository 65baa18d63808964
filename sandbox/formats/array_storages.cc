#include "sandbox/formats/array_storages.h"

#include <algorithm>
#include <string>
#include <vector>

#include "sandbox/formats/byte_swap.h"
#include "sandbox/formats/window_source.h"

namespace airlock::formats {
namespace {

// A multiple of every element size, and what a source can show at once.
constexpr size_t kStepBytes = size_t{1} << 16;

}  // namespace

Result<tensors::Storage> ArrayStorages::Keep(std::span<const uint8_t> bytes, uint64_t swap_size) {
  AIRLOCK_ASSIGN(const uint64_t start, output_.Reserve(bytes.size()));
  const tensors::Storage storage{.place = tensors::Place::kOutput, .offset = start, .nbytes = bytes.size()};
  if (output_.dry()) return storage;
  if (swap_size <= 1) {
    AIRLOCK_TRY(output_.WriteAt(start, bytes));
    return storage;
  }
  std::vector<uint8_t> step;
  for (size_t done = 0; done < bytes.size(); done += step.size()) {
    const std::span<const uint8_t> next = bytes.subspan(done, std::min(kStepBytes, bytes.size() - done));
    step.assign(next.begin(), next.end());
    SwapBytes(step, swap_size);
    AIRLOCK_TRY(output_.WriteAt(start + done, step));
  }
  return storage;
}

Result<tensors::Storage> ArrayStorages::Reserve(uint64_t nbytes) {
  AIRLOCK_ASSIGN(const uint64_t start, output_.Reserve(nbytes));
  return tensors::Storage{.place = tensors::Place::kOutput, .offset = start, .nbytes = nbytes};
}

Result<void> ArrayStorages::Write(const tensors::Storage& storage, uint64_t offset, std::span<uint8_t> bytes,
                                  uint64_t swap_size) {
  SwapBytes(bytes, swap_size);
  return output_.WriteAt(storage.offset + offset, bytes);
}

Result<void> ArrayStorages::Read(pickle::InputSpan span, uint64_t offset, std::span<uint8_t> out) {
  return input_.ReadAt(span.offset - input_.FileOffset(0) + offset, out);
}

Result<tensors::Storage> ArrayStorages::Place(pickle::InputSpan span, uint64_t swap_size) {
  const uint64_t start = span.offset - input_.FileOffset(0);
  if (swap_size <= 1) return PlaceAt(start, span.length);
  WindowSource source(input_, start, span.length);
  return Copy(source, span.length, swap_size);
}

tensors::Storage ArrayStorages::PlaceAt(uint64_t offset, uint64_t nbytes) const {
  return input_.StorageAt(offset, nbytes);
}

Result<tensors::Storage> ArrayStorages::Copy(pickle::Source& source, uint64_t nbytes, uint64_t swap_size) {
  AIRLOCK_ASSIGN(const uint64_t start, output_.Reserve(nbytes));
  std::vector<uint8_t> step(std::min<uint64_t>(nbytes, kStepBytes));
  for (uint64_t done = 0; done < nbytes; done += step.size()) {
    step.resize(std::min<uint64_t>(step.size(), nbytes - done));
    AIRLOCK_TRY(source.Need(step.size()));
    std::copy_n(source.peek(), step.size(), step.begin());
    source.Skip(step.size());
    SwapBytes(step, swap_size);
    AIRLOCK_TRY(output_.WriteAt(start + done, step));
  }
  return tensors::Storage{.place = tensors::Place::kOutput, .offset = start, .nbytes = nbytes};
}

}  // namespace airlock::formats
