// TorchScript archives (torch.jit.save): a module tree in data.pkl, its tensors in data/, constants of its code in
// constants.pkl and constants/, and the code itself, which is told and never looked at.
#pragma once

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/zip_directory.h"

namespace airlock::formats {

// The root is the module: a record whose state is its attributes, so that tensors have the names that
// torch.jit.load(...).state_dict() gives them. Constants, where there are some, are a second state of it:
// {"constants": (...)}; of an object without attributes of its own, the root is a dict {"object": ..., "constants":
// ...}.
Result<void> DecodeTorchScript(const Input& input, Output& output, Checkpoint& checkpoint,
                               const ZipDirectory& directory);

}  // namespace airlock::formats
