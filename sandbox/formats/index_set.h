// A sharded checkpoint: an index (set_index.h), and the shards that it names, each a checkpoint of its own (safetensors
// or torch) whose root is a dict of tensors by name.
#pragma once

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/file_set.h"
#include "sandbox/formats/set_index.h"

namespace airlock::formats {

// The root is a dict of the tensors by name, in the order of the index; `__metadata__`, where the index has some, comes
// first in it. Every name must be in the shard that the index says, and in no other shard; tensors that the index does
// not list are a warning. Names that lead out of the folder are refused. REQUIRES: input.set() != nullptr, and
// `index_file` is one of its files.
Result<void> DecodeIndexSet(const Input& input, const SetFile& index_file, const SetIndex& index, Output& output,
                            Checkpoint& checkpoint);

}  // namespace airlock::formats
