// The tar archive that torch wrote from 0.1.0 to 0.1.9: members sys_info, pickle, tensors and storages.
//
//   storages  pickle(n), n times { pickle((key, location, class)), int64 elements, bytes },
//             pickle([(key of a view, key of its storage, offset, elements)])
//   tensors   pickle(n), n times { pickle((key, storage key, class)), int32 dimensions, 4 bytes, int64 size[],
//             int64 stride[], int64 offset }
//   pickle    the object; a persistent id is the key of a tensor or storage, as decimal text
#pragma once

#include "sandbox/formats/checkpoint.h"

namespace airlock::formats {

Result<void> DecodeTorchTar(const Input& input, Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
