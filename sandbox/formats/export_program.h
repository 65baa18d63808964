// The program in an archive of torch.export: JSON, of which nothing is read but the texts that torch evaluates, or
// imports a module by.
#pragma once

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/zip_member.h"

namespace airlock::formats {

// Notes that the member is a program, and reports the worst of those texts.
Result<void> JudgeProgram(const Input& input, const ZipMember& member, Checkpoint& checkpoint);

}  // namespace airlock::formats
