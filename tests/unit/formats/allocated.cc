// Takes the place of the global operators: only for a program whose tests are about this.
#include "tests/unit/formats/allocated.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<uint64_t> allocated = 0;

}  // namespace

void* operator new(size_t size) {
  allocated += size;
  void* const memory = std::malloc(size > 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t /*size*/) noexcept { std::free(memory); }

namespace airlock {

uint64_t BytesAllocated() { return allocated; }

}  // namespace airlock
