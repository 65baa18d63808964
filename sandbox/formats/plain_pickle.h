// A plain pickle, and what joblib makes of one: the same, with the elements of arrays between its opcodes, as they are
// or compressed as a whole.
#pragma once

#include "sandbox/formats/checkpoint.h"

namespace airlock::formats {

Result<void> DecodePickle(const Input& input, Output& output, Checkpoint& checkpoint);

// A compressed one; refused by name where the data is something else.
Result<void> DecodeCompressedPickle(const Input& input, Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
