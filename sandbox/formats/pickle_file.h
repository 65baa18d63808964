// PickleFile: the constructors of a pickle that is no part of a torch file, put together: torch's and numpy's objects
// are understood, persistent ids refer to nothing.
#pragma once

#include "sandbox/formats/array_storages.h"
#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/stream_arrays.h"
#include "sandbox/formats/window_source.h"
#include "sandbox/tensors/constructors.h"

namespace airlock::formats {

// Where a persistent id would lead.
class NoStorages final : public tensors::StorageResolver {
 public:
  Result<uint32_t> Resolve(const tensors::StorageRequest& request) override {
    return Fail(Reason::kPickleMalformed, "a persistent id in a plain pickle, which has nothing beside it", request.at);
  }
};

// Borrows all that it is given.
class PickleFile {
 public:
  // `in_place` as StreamArrays has it.
  PickleFile(const Input& input, Output& output, Checkpoint& checkpoint, pickle::Source& source, WindowSource* in_place)
      : context_(checkpoint.context),
        source_(source),
        level_(checkpoint.level),
        storages_(input, output),
        plain_(context_, checkpoint.tables, nothing_, tensors::PersistentForm::kZip, storages_),
        arrays_(context_, input, storages_, source, in_place, plain_, checkpoint.level),
        with_arrays_(context_, checkpoint.tables, nothing_, tensors::PersistentForm::kZip, storages_, &arrays_) {}
  PickleFile(const PickleFile&) = delete;
  PickleFile& operator=(const PickleFile&) = delete;

  // The next pickle of the source.
  Result<pickle::NodeId> Decode() { return pickle::Decode(context_, with_arrays_, source_, level_); }
  // The same, where no arrays stand between the opcodes.
  Result<pickle::NodeId> DecodePlain() { return pickle::Decode(context_, plain_, source_, level_); }
  StreamArrays& arrays() { return arrays_; }
  ArrayStorages& storages() { return storages_; }

 private:
  pickle::Context& context_;
  pickle::Source& source_;
  uint32_t level_;
  ArrayStorages storages_;
  NoStorages nothing_;
  tensors::Constructors plain_;
  StreamArrays arrays_;
  tensors::Constructors with_arrays_;
};

}  // namespace airlock::formats
