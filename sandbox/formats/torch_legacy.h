// The stream that torch.save wrote from 0.1.10 to 1.5: five pickles (magic number, protocol version, machine, the
// object, storage keys), then each storage's element count and bytes.
#pragma once

#include "sandbox/formats/checkpoint.h"

namespace airlock::formats {

Result<void> DecodeTorchLegacy(const Input& input, Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
