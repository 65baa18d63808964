// GGUF, version 2 and 3, little-endian: key-values, tensor infos, and the tensors' bytes at aligned offsets.
#pragma once

#include "sandbox/formats/checkpoint.h"

namespace airlock::formats {

// The root is a dict: `__metadata__` (the key-values), `__types__` (the block type of each quantised tensor; left out
// where there is none), then the tensors by name, in file order. Shapes are in torch's order, the reverse of GGUF's. A
// quantised tensor is uint8: its last dimension counts the bytes of a row of blocks.
Result<void> DecodeGguf(const Input& input, Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
