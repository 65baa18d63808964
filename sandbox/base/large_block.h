// Large blocks of memory, in huge pages. A page that is touched for the first time costs a fault, and a huge one stands
// for 512 of the others. Memory that is never written costs address space alone, so columns of unknown length take room
// far ahead and are not copied as they grow. Where a host has no huge pages all is the same, and slower.
//
// Fresh pages are what a large plan costs most, above all on a virtual machine whose host has taken them back. So a few
// blocks that were given back stay with the process, for the next who wants one of that size: kMostKept bytes at most.
// Thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace airlock {

inline constexpr size_t kHugePage = size_t{2} << 20;
// Of smaller blocks malloc makes better use.
inline constexpr size_t kLargeBlock = 2 * kHugePage;

// Bytes of blocks that nobody uses, of all that stay with the process. The kernel may take them when memory is short.
inline constexpr size_t kMostKept = size_t{64} << 20;

// A mapping that huge pages cover from its first byte on. malloc's blocks cannot be that: it writes before their start.
// What it holds is whatever was there. Throws bad_alloc. FreeLargeBlock takes it back, with the same size.
void* AllocateLargeBlock(size_t bytes);
void FreeLargeBlock(void* block, size_t bytes);

// Gives the memory of values back that nobody needs any more, while their block stays what it is. Its first and last
// parts are left: whoever owns the block may keep books there.
void DropPages(const void* block, size_t bytes);

// How many values a column that is full gets room for, when it is to hold `needed`.
inline size_t RoomAhead(size_t needed, size_t width) {
  // Most columns end below; one that does not may become much longer.
  constexpr size_t kSmall = size_t{256} << 10;
  constexpr size_t kLeast = size_t{16} << 20;
  constexpr size_t kMost = size_t{64} << 20;
  constexpr size_t kTimes = 4;
  if (needed * width < kSmall) return kTimes * needed;
  // Never less than as much again, or a long column would be copied again and again.
  return needed + std::clamp(kTimes * needed, kLeast / width, std::max(kMost / width, needed));
}

// For containers: large blocks as above, small ones of operator new. Values that nobody gave a value are not written.
template <typename T>
struct LargeBlocks {
  using value_type = T;

  LargeBlocks() = default;
  template <typename U>
  LargeBlocks(const LargeBlocks<U>& /*other*/) {}

  T* allocate(size_t count) {
    if (count > SIZE_MAX / sizeof(T)) throw std::bad_alloc();
    const size_t bytes = count * sizeof(T);
    return static_cast<T*>(bytes < kLargeBlock ? ::operator new(bytes) : AllocateLargeBlock(bytes));
  }
  void deallocate(T* values, size_t count) {
    const size_t bytes = count * sizeof(T);
    if (bytes < kLargeBlock) return ::operator delete(values);
    FreeLargeBlock(values, bytes);
  }
  template <typename U>
  void construct(U* value) {
    ::new (static_cast<void*>(value)) U;
  }
  template <typename U, typename... Arguments>
  void construct(U* value, Arguments&&... arguments) {
    ::new (static_cast<void*>(value)) U(std::forward<Arguments>(arguments)...);
  }
  template <typename U>
  bool operator==(const LargeBlocks<U>& /*other*/) const {
    return true;
  }
};

}  // namespace airlock
