// safetensors: a length, a JSON header, and the tensors' bytes, one after the other with nothing between them.
#pragma once

#include "sandbox/formats/checkpoint.h"

namespace airlock::formats {

// The root is a dict of the tensors by name, in the header's order; `__metadata__`, where there is one, comes first in
// it.
Result<void> DecodeSafetensors(const Input& input, Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
