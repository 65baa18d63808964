// torch.export's archives (.pt2), since torch 2.8: weights, constants and example inputs of exported programs, as data.
// The programs themselves, and what a compiler made of them, are told and never looked at.
#pragma once

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/zip_directory.h"

namespace airlock::formats {

// A member for each storage, and JSON that says which tensors it has.
bool IsTorchExport(const ZipDirectory& directory);

// The root is a dict {"state_dict", "constants", "example_inputs"}, as the attributes of the program are called; of an
// archive with several programs, a dict of those by name.
Result<void> DecodeTorchExport(const Input& input, Output& output, Checkpoint& checkpoint,
                               const ZipDirectory& directory);

}  // namespace airlock::formats
