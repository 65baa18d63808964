// torch.export's archives before torch 2.8: each part of the program is a member that torch.save wrote.
#pragma once

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/zip_directory.h"

namespace airlock::formats {

bool IsOldTorchExport(const ZipDirectory& directory);

// The root is that of DecodeTorchExport.
Result<void> DecodeOldTorchExport(const Input& input, Output& output, Checkpoint& checkpoint,
                                  const ZipDirectory& directory);

}  // namespace airlock::formats
