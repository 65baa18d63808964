// The zip archive that torch.save writes since 1.6: <root>/data.pkl, and a member for each storage.
#pragma once

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/zip_directory.h"

namespace airlock::formats {

Result<void> DecodeTorchZip(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory);

}  // namespace airlock::formats
