// GraphFrame: the graph columns of one frame while they are filled, and their encoding as airlock.v1.GraphColumns. A
// checkpoint has millions of values and a frame tens of thousands: they are written once here and copied once from
// here. Only the worker uses this. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace airlock::worker {

// Values of all columns together, in bytes. The broker takes frames of 64 KiB; tags and lengths need less than the
// rest.
inline constexpr size_t kFrameValues = 60 << 10;

// One column: plain values, as many as a frame can hold.
template <typename T>
class FrameColumn {
 public:
  void Add(T value) { values_[size_++] = value; }
  // Makes it longer by `count` values, which the caller writes.
  T* Extend(size_t count) {
    size_ += count;
    return values_.data() + size_ - count;
  }
  void Clear() { size_ = 0; }
  std::string_view bytes() const { return {reinterpret_cast<const char*>(values_.data()), size_ * sizeof(T)}; }

 private:
  std::array<T, kFrameValues / sizeof(T)> values_;
  size_t size_ = 0;
};

struct GraphFrame {
  // REQUIRES: nobody adds more than kFrameValues bytes to all of them.
  FrameColumn<char> kinds;
  FrameColumn<uint32_t> counts;
  FrameColumn<uint32_t> refs;
  FrameColumn<uint32_t> links;
  FrameColumn<int64_t> ints;
  FrameColumn<double> floats;
  FrameColumn<char> blob;

  void Clear();
  // Bytes that Encode writes.
  size_t EncodedSize() const;
  // Writes the message to `out`, and returns its end.
  char* Encode(char* out) const;

 private:
  // By field number, less one. Columns of fixed-width numbers are on the wire what they are here.
  std::array<std::string_view, 7> InOrder() const {
    return {kinds.bytes(), counts.bytes(), refs.bytes(), links.bytes(), ints.bytes(), floats.bytes(), blob.bytes()};
  }
};

}  // namespace airlock::worker
