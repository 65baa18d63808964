// The kinds of zip archives: which of them a file is, by the names of its members.
#pragma once

#include "sandbox/formats/checkpoint.h"

namespace airlock::formats {

// Any file that starts as a zip archive does. Sets `checkpoint.format`; refuses other archives by name.
Result<void> DecodeZip(const Input& input, Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
