// Persistent ids: how a torch pickle refers to storages, which stand outside the pickle.
//
//   zip      ('storage', class, key, location, numel)
//   legacy   ('storage', class, key, location, numel, None | (view key, offset, numel)) and ('module', class, file,
//   source)
#pragma once

#include <cstdint>
#include <optional>

#include "sandbox/base/error.h"
#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/by_symbol.h"
#include "sandbox/tensors/storage_resolver.h"

namespace airlock::tensors {

enum class PersistentForm : uint8_t { kZip, kLegacy };

// A part of a storage that old files treat as a storage of its own. In elements of the storage's dtype.
struct PersistentId {
  // The class of a ('module', ...) id, which stands for that class and no storage; kNoNode otherwise.
  pickle::NodeId module_class = pickle::kNoNode;
  // Its text is valid until the graph grows.
  StorageRequest storage;
};

// The storage classes that a stream has named: nothing for what is no storage class.
using StorageClasses = BySymbol<std::optional<DType>>;

// The element type that a storage class holds; kNone for the untyped ones. Fails where `id` is no storage class.
Result<DType> StorageClass(const pickle::Context& context, pickle::NodeId id, uint64_t at, StorageClasses& classes);

// Reads into `read`, which is a fresh one. Fails as kPickleMalformed where torch's writer would not have written it.
Result<void> ReadPersistentId(const pickle::Context& context, PersistentForm form, pickle::NodeId id, uint64_t at,
                              StorageClasses& classes, PersistentId& read);

}  // namespace airlock::tensors
