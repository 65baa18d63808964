// Tensors: strided views of storages. TensorInfo describes one, Tensor has its bytes too.
//
// Both are plain values; const access is thread-safe. All spans have been checked against the storage when the answer
// was taken apart, so that an element's address never leaves it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "airlock/v1/tensor.pb.h"

namespace airlock {

// Bytes of one element; 0 for a dtype that this build does not know.
uint32_t ElementSize(v1::DType dtype);
bool IsComplex(v1::DType dtype);
bool IsQuantized(v1::DType dtype);
// More than 1 for packed elements: their tensors have offset 0 and lie in row-major order, over row ends too.
uint32_t ElementsPerByte(v1::DType dtype);

struct TensorInfo {
  // Index of the storage.
  uint32_t storage = 0;
  v1::DType dtype = v1::DTYPE_UNSPECIFIED;
  // v1::TensorFlag bits.
  uint32_t flags = 0;
  // Elements from the start of the storage.
  uint64_t offset = 0;
  // Elements, outermost dimension first. They point into the Contents that made this.
  std::span<const uint64_t> shape;
  std::span<const uint64_t> strides;

  bool requires_grad() const { return (flags & v1::TENSOR_FLAG_REQUIRES_GRAD) != 0; }
  // Product of the shape. Expanded tensors (stride 0) can have far more elements than their storage; saturates.
  uint64_t Elements() const;
  // Elements() times the size of one, or the bytes that packed ones fill; saturates.
  uint64_t Bytes() const;
  // Whether the elements lie in row-major order without gaps.
  bool Contiguous() const;
  // Whether the bytes of the storage are the elements: neither the conjugate nor the negative bit is set.
  bool Resolved() const { return (flags & (v1::TENSOR_FLAG_CONJ | v1::TENSOR_FLAG_NEG)) == 0; }
};

// The bytes of one storage, little-endian: memory of its own, aligned to 64, or a view of a mapped file at any
// alignment.
class Storage {
 public:
  // Null where there is no memory for it.
  static std::shared_ptr<Storage> Allocate(uint64_t bytes);
  // Views of what `keepers` keep alive, as long as one of them is there; null where there is no span.
  static std::vector<std::shared_ptr<const Storage>> Views(
      std::span<const std::optional<std::span<const std::byte>>> spans,
      std::vector<std::shared_ptr<const void>> keepers);

  // Only of those that were allocated.
  std::span<std::byte> bytes() { return {const_cast<std::byte*>(data_), size_}; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  Storage(const std::byte* data, uint64_t size) : data_(data), size_(size) {}

  const std::byte* data_;
  uint64_t size_;
};

// A tensor with its bytes. Keeps its storage alive; tensors that share a storage share these bytes.
struct Tensor {
  v1::DType dtype = v1::DTYPE_UNSPECIFIED;
  uint32_t flags = 0;
  std::vector<uint64_t> shape;
  // Elements.
  std::vector<uint64_t> strides;
  // Element (0, ..., 0), aligned as its storage is. Flags CONJ and NEG are not applied. Null where the storage was left
  // out (LoadOptions::select).
  const std::byte* data = nullptr;
  std::shared_ptr<const Storage> storage;
};

// Walks the elements of a tensor in row-major order, whatever its strides, and hands them out as contiguous bytes with
// the conjugate and negative bits applied. For digests and for writers of formats that know no strides.
//
//   RowMajorReader reader(info, storage_bytes);
//   while (size_t n = reader.Read(buffer)) Consume(buffer.first(n));
class RowMajorReader {
 public:
  // REQUIRES: `storage` is the whole storage of `info`, and both outlive this.
  RowMajorReader(const TensorInfo& info, std::span<const std::byte> storage);

  // Fills `out` as far as whole elements go; 0 at the end. REQUIRES: out.size() >= 16.
  size_t Read(std::span<std::byte> out);

 private:
  // Steps the outer dimensions; false at the end.
  bool Advance();
  void Resolve(std::span<std::byte> elements) const;

  v1::DType dtype_;
  uint32_t flags_;
  uint32_t element_;
  std::span<const std::byte> storage_;
  // Outer dimensions, innermost last; the innermost ones that lie without gaps are one run.
  std::vector<uint64_t> shape_;
  std::vector<uint64_t> strides_;  // bytes
  std::vector<uint64_t> index_;
  uint64_t run_ = 0;   // bytes of one run
  uint64_t base_ = 0;  // byte offset of the current run
  uint64_t done_ = 0;  // bytes of the current run already handed out
  bool end_ = false;
};

}  // namespace airlock
