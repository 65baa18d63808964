// StorageResolver: where the bytes of a storage are. The format knows (a member of the archive, a place behind the
// pickles); the constructor only knows what a persistent id says.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sandbox/base/error.h"
#include "sandbox/tensors/tables.h"

namespace airlock::tensors {

// What one persistent id says of a storage. Checked for form only.
// A part of a storage that has a key of its own: how old legacy files share storages.
struct StorageSlice {
  std::string_view key;
  uint64_t offset = 0;
  uint64_t numel = 0;
};

// Its texts are valid until the graph grows.
struct StorageRequest {
  std::string_view key;
  std::string_view location;
  DType dtype = DType::kNone;  // kNone: untyped
  uint64_t numel = 0;          // elements of dtype; bytes of an untyped storage
  uint64_t nbytes = 0;         // numel * item size, which does not overflow
  uint64_t at = 0;             // offset of the opcode
  std::optional<StorageSlice> slice;

  // As torch takes it: the elements of an untyped storage are bytes.
  DType element() const { return dtype == DType::kNone ? DType::kUInt8 : dtype; }
};

class StorageResolver {
 public:
  virtual ~StorageResolver() = default;
  // Index in Tables of the storage with this key, the same each time. Fails where the key has no bytes, or other than
  // nbytes of them, or where an earlier request had the same key and another length.
  virtual Result<uint32_t> Resolve(const StorageRequest& request) = 0;
  // Whether the bytes were saved with it. Where they were left out, its tensors are shapes alone.
  virtual bool HasData(const StorageRequest& request) {
    (void)request;
    return true;
  }
  // Index of a new storage that holds these bytes, which stand nowhere in the file. Absent: the format has no place for
  // them.
  virtual Result<std::optional<uint32_t>> Add(std::span<const uint8_t> bytes, uint32_t device) {
    (void)bytes, (void)device;
    return std::optional<uint32_t>();
  }
};

}  // namespace airlock::tensors
