// A file of another format that ends as a zip archive does: torch.jit.load, torch.package and zipfile look for an
// archive at the end of a file and care for nothing before it. Two readers, two files.
#pragma once

#include "sandbox/formats/input.h"
#include "sandbox/pickle/machine.h"

namespace airlock::formats {

// Reports an archive whose offsets are those of the file. One that was embedded as a whole (a checkpoint in the bytes
// of a pickle) counts from its own start, and is no archive to torch.
Result<void> LookForHiddenArchive(const Input& input, pickle::Context& context);

}  // namespace airlock::formats
