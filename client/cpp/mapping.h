// Mapping: a file in this process's memory, to be read. Immutable; thread-safe.
//
// What is mapped is the file itself: who changes it changes what is read here, and who cuts it short ends this process
// by SIGBUS when it reads behind the new end. Sealed memory files cannot be changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "airlock/error.h"

namespace airlock {

class Mapping {
 public:
  // The first `bytes` of the file; no memory is read for it. `bytes` may be 0.
  static ClientResult<std::shared_ptr<const Mapping>> Map(int fd, uint64_t bytes);
  // So many bytes from `offset` on, a multiple of the page size, for who reads them all at once: their pages are there
  // already, which costs less than a fault for each.
  static ClientResult<std::shared_ptr<const Mapping>> MapAll(int fd, uint64_t offset, uint64_t bytes);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  Mapping(const std::byte* data, size_t size) : data_(data), size_(size) {}
  static ClientResult<std::shared_ptr<const Mapping>> Map(int fd, uint64_t offset, uint64_t bytes, int flags);

  const std::byte* data_;
  size_t size_;
};

}  // namespace airlock
