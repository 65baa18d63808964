// Where the elements of numpy's arrays go and come from. The formats know (sandbox/formats/array_storages.h,
// joblib_arrays.h); the constructor only knows how many there must be.
#pragma once

#include <cstdint>
#include <span>

#include "sandbox/base/error.h"
#include "sandbox/pickle/graph.h"
#include "sandbox/tensors/tables.h"

namespace airlock::tensors {

// Every `swap_size` bytes are turned around on their way where that is more than 1.
class ArrayData {
 public:
  virtual ~ArrayData() = default;

  // Writes the bytes to the output.
  virtual Result<Storage> Keep(std::span<const uint8_t> bytes, uint64_t swap_size) = 0;
  // Room in the output, and bytes that go there: at `offset` in it.
  virtual Result<Storage> Reserve(uint64_t nbytes) = 0;
  virtual Result<void> Write(const Storage& storage, uint64_t offset, std::span<uint8_t> bytes, uint64_t swap_size) = 0;
  // Bytes of the input file, from `offset` in the span on.
  virtual Result<void> Read(pickle::InputSpan span, uint64_t offset, std::span<uint8_t> out) = 0;
  // Bytes of the input file: copied only where they must be turned around.
  virtual Result<Storage> Place(pickle::InputSpan span, uint64_t swap_size) = 0;
};

// What joblib writes behind the BUILD of its wrapper, outside the pickle.
class ArraysInStream {
 public:
  virtual ~ArraysInStream() = default;

  // The stream has an array next. Fails where none may be.
  virtual Result<void> Enter(uint64_t at) = 0;
  // Skips the padding that newer versions write: a length, and so many bytes.
  virtual Result<void> SkipPadding() = 0;
  // The next `nbytes` bytes: numbers.
  virtual Result<Storage> TakeStorage(uint64_t nbytes, uint64_t swap_size) = 0;
  // Or so many bytes, which are then taken one after the other.
  virtual Result<void> StartElements(uint64_t nbytes) = 0;
  virtual Result<void> NextElements(std::span<uint8_t> out) = 0;
  // Or other elements, as they are: a kBytes node.
  virtual Result<pickle::NodeId> TakeBytes(uint64_t nbytes) = 0;
  // Or a pickle, which is how an array of objects is written.
  virtual Result<pickle::NodeId> TakePickle() = 0;
};

}  // namespace airlock::tensors
