// A zip archive whose members are checkpoints by themselves, as stable-baselines3 writes them (policy.pth,
// policy.optimizer.pth, pytorch_variables.pth beside some text).
#pragma once

#include <string_view>

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/zip_directory.h"

namespace airlock::formats {

// Whether some member starts as a checkpoint does.
bool IsZipOfCheckpoints(const Input& input, const ZipDirectory& directory);

// Whether each member was looked into and none is a checkpoint, nor anything that may have one or a pickle in it. False
// where there are more members than are looked at.
bool HoldsNoCheckpoint(const Input& input, const ZipDirectory& directory);

// The root is a dict of the members that are checkpoints, by name; what is no checkpoint is noted.
Result<void> DecodeZipOfCheckpoints(const Input& input, Output& output, Checkpoint& checkpoint,
                                    const ZipDirectory& directory);

// One member of any zip archive, as the file itself would be. Fails as kNoSuchMember where there is none.
Result<void> DecodeMember(const Input& input, std::string_view name, Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
