// torch.distributed.checkpoint: a folder with a .metadata (a pickle of what there is and where) and files of data,
// which are archives of torch.save one after the other: one for each chunk of a tensor and for each other object.
#pragma once

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/file_set.h"

namespace airlock::formats {

// The root is what torch's dcp_to_torch_save makes of the folder: nested as the names were before they were made flat,
// tensors whole. A tensor of one chunk is a span of its file; one of several is put together in the output.
// REQUIRES: input.set() != nullptr, and `metadata_file` is one of its files.
Result<void> DecodeDcp(const Input& input, const SetFile& metadata_file, Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
