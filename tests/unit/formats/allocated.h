// What a computation costs, whatever else the machine does meanwhile: the bytes that it asks `new` for.
#pragma once

#include <cstdint>

namespace airlock {

// By all of this program so far. Thread-safe.
uint64_t BytesAllocated();

template <typename Work>
uint64_t BytesAllocatedBy(const Work& work) {
  const uint64_t before = BytesAllocated();
  work();
  return BytesAllocated() - before;
}

}  // namespace airlock
