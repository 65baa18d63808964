// The zip archive that torch.save writes since 1.6: <root>/data.pkl, and a member for each storage.
#pragma once

#include "sandbox/formats/checkpoint.h"

namespace airlock::formats {

Result<void> DecodeTorchZip(const Input& input, Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
