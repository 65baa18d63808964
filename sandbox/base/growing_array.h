// GrowingArray: plain values in a row that grow without being copied. A std::vector takes new memory and copies;
// realloc has the kernel move the pages of a large block. In a process that lives for one file, fresh pages are what
// costs most, and none is touched twice here. Memory that is never written costs nothing.
//
// Fails by bad_alloc only. Indices are checked, as those of the standard containers are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

namespace airlock {

template <typename T>
class GrowingArray {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= alignof(std::max_align_t));

 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return values_.get(); }
  const T* data() const { return values_.get(); }
  T& operator[](size_t index) { return data()[Checked(index)]; }
  const T& operator[](size_t index) const { return data()[Checked(index)]; }

  void push_back(const T& value) {
    const T copy = value;  // it may be one of ours
    if (size_ == capacity_) [[unlikely]]
      Grow(1);
    data()[size_++] = copy;
  }
  // They may be some of ours.
  void Append(std::span<const T> values) {
    const T* from = values.data();
    if (values.size() > capacity_ - size_) [[unlikely]]
      from = GrowBefore(values);
    std::copy_n(from, values.size(), data() + size_);
    size_ += values.size();
  }
  // Makes it longer by `count` values, which the caller writes. REQUIRES: it does so before any is read.
  T* Extend(size_t count) {
    if (count > capacity_ - size_) [[unlikely]]
      Grow(count);
    T* const fresh = data() + size_;
    size_ += count;
    return fresh;
  }

 private:
  struct Free {
    void operator()(T* values) const { std::free(values); }
  };
  static constexpr size_t kFewest = 64;
  // An array of more than the one is given the other at once: from there on the kernel moves its pages, and what was
  // copied from block to block before would be as many pages again.
  static constexpr size_t kSmallBytes = size_t{64} << 10;
  static constexpr size_t kMovedBytes = size_t{1} << 20;

  size_t Checked(size_t index) const {
    if (index >= size_) __builtin_trap();
    return index;
  }
  // Makes room for `values`, and says where they are now.
  const T* GrowBefore(std::span<const T> values) {
    const std::less<const T*> before;  // the arrays may be unrelated
    const bool ours = !before(values.data(), data()) && before(values.data(), data() + size_);
    const size_t from = ours ? static_cast<size_t>(values.data() - data()) : 0;
    Grow(values.size());
    return ours ? data() + from : values.data();
  }
  [[gnu::noinline]] void Grow(size_t count) {
    constexpr size_t kMost = PTRDIFF_MAX / sizeof(T);
    if (count > kMost - size_ || capacity_ > kMost / 2) throw std::bad_alloc();
    size_t capacity = std::max({size_ + count, 2 * capacity_, kFewest});
    if (capacity > kSmallBytes / sizeof(T)) capacity = std::max(capacity, kMovedBytes / sizeof(T) + 1);
    void* const moved = std::realloc(values_.get(), capacity * sizeof(T));
    if (moved == nullptr) throw std::bad_alloc();
    (void)values_.release();
    values_.reset(static_cast<T*>(moved));
    capacity_ = capacity;
  }

  std::unique_ptr<T, Free> values_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace airlock
