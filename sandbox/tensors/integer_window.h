// IntegerWindow: the elements of an int32 or int64 tensor one by one, through a window on its storage.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/storage_reader.h"
#include "sandbox/tensors/tables.h"

namespace airlock::tensors {

class IntegerWindow {
 public:
  // REQUIRES: the tensor's dtype is kInt32 or kInt64; what is borrowed outlives this.
  IntegerWindow(pickle::Context& context, const Tables& tables, StorageReader& reader, uint32_t tensor,
                size_t window_bytes);

  // The element at this place of the storage, in elements. REQUIRES: the tensor's geometry reaches it.
  Result<int64_t> At(uint64_t element) {
    const uint64_t byte = element * item_;
    if (byte < start_ || byte + item_ > start_ + window_.size()) AIRLOCK_TRY(Fill(byte));
    const uint8_t* bytes = window_.data() + (byte - start_);
    if (item_ == sizeof(int64_t)) return Load<int64_t>(bytes);
    return Load<int32_t>(bytes);
  }

 private:
  template <typename T>
  static T Load(const uint8_t* bytes) {
    T value;  // the worker runs on little-endian machines only
    std::memcpy(&value, bytes, sizeof(T));
    return value;
  }
  Result<void> Fill(uint64_t byte);

  pickle::Context& context_;
  StorageReader& reader_;
  uint32_t storage_;
  uint64_t nbytes_;
  uint64_t item_;
  size_t most_;  // bytes of a window
  uint64_t start_ = 0;
  std::vector<uint8_t> window_;
};

}  // namespace airlock::tensors
