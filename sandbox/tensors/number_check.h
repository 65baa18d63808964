// Checks of numbers that stand in tensors: the indices of sparse tensors, the geometries of nested ones. What they say
// would lead a consumer outside a buffer, so they are held against what they index, as torch itself does at the end of
// a load.
//
// A builder asks for a check while the pickle runs; the bytes may have no place until later (legacy streams). So the
// checks stand in Tables until the format has placed every storage, and run before anything is emitted.
#pragma once

#include <cstddef>

#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/storage_reader.h"
#include "sandbox/tensors/tables.h"

namespace airlock::tensors {

// Runs the checks from number `first` on, and forgets them. Fails as kTensorOutOfBounds, or by the limit `opcodes`:
// sixteen numbers cost as much as one opcode. Memory: one window of 64 KiB for each tensor of a check.
Result<void> RunNumberChecks(pickle::Context& context, Tables& tables, StorageReader& reader, size_t first);

}  // namespace airlock::tensors
