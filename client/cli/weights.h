// Which tensors of a checkpoint are its weights: what `convert` writes.
#pragma once

#include <string>
#include <vector>

#include "airlock/checkpoint.h"

namespace airlock::cli {

struct Weights {
  // The path that was chosen; empty for the root.
  std::string key;
  std::vector<NamedTensor> tensors;
};

// `key` is a path from the root, dotted, or "auto": the root if it is a flat mapping of tensors, else the first of
// state_dict_ema, model_ema, state_dict, model (timm's order), module and model_state_dict that is a mapping that holds
// tensors, or a module. Of a module (the root may be one too) it is the state_dict() that was recovered. An error names
// the keys that would do.
ClientResult<Weights> ChooseWeights(const Contents& contents, const std::string& key);

}  // namespace airlock::cli
