// A set of files: which of them is what, and what they are together.
#pragma once

#include <string_view>

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/file_set.h"

namespace airlock::formats {

// The file that torch.distributed.checkpoint describes a folder in.
inline constexpr std::string_view kDcpMetadata = ".metadata";

// Decodes the set that `input` is. What it is follows from its files: a .metadata makes it a distributed checkpoint, an
// *.index.json a sharded one, and where there is neither, the only file that is a checkpoint stands for it. `member`,
// where it is not empty, names the file instead; `FILE!MEMBER` is a member of an archive. Fails as kNoSuchMember where
// there is none, and as kUnsupportedFeature where the name of one is needed. REQUIRES: input.set() != nullptr.
Result<void> DecodeSet(const Input& input, std::string_view member, Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
