// torch.package's archives: pickles by package and name, their storages in .data/, and Python code, which is told and
// never looked at.
#pragma once

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/zip_directory.h"

namespace airlock::formats {

bool IsTorchPackage(const ZipDirectory& directory);

// The root is a dict of what the pickles hold, by their paths in the archive ("model/model.pkl"), and of other
// checkpoints that the author put beside them.
Result<void> DecodeTorchPackage(const Input& input, Output& output, Checkpoint& checkpoint,
                                const ZipDirectory& directory);

}  // namespace airlock::formats
