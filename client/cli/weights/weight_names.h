// What weights are called in the files that `convert` writes, and which of them no such file can hold.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/cli/weights/weights.h"

namespace airlock::cli {

// A name without the prefixes that DataParallel and torch.compile put in front: `module.`, `_orig_mod.`, either around
// the other.
std::string_view StrippedName(std::string_view name);
void StripPrefixes(std::vector<NamedTensor>& tensors);

// An error where one is quantised as GGUF has it: bytes are no numbers without the type of their blocks.
ClientResult<void> CheckBlocks(const Weights& weights);

}  // namespace airlock::cli
