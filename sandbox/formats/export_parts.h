// What torch.export's archives of every version have: checkpoints that torch saved into them, and a program.
#pragma once

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/zip_member.h"

namespace airlock::formats {

// A checkpoint that torch wrote into the archive, by torch.save or by pickle. Fails as kUnsupportedFeature for any
// other.
Result<pickle::NodeId> DecodeSaved(const Input& input, const ZipMember& member, Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
