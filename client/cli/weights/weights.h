// Which tensors of a checkpoint are its weights: what `convert` writes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "airlock/checkpoint.h"

namespace airlock::cli {

struct Weights {
  // The path that was chosen; empty for the root.
  std::string key;
  std::vector<NamedTensor> tensors;
  // Owns their names.
  std::shared_ptr<const void> keeper;
  // The types of the blocks of those that are quantised as GGUF has it, by tensor: views of the graph.
  std::unordered_map<uint32_t, std::string_view> blocks;
};

// `key` is a path from the root, dotted; empty for all tensors that there are, from the root on; or "auto". That is the
// root if it is a flat mapping of tensors (`__metadata__`, in which there are none, aside), if its format is a table of
// tensors, or if it is a TorchScript module; else the first of state_dict_ema, model_ema, state_dict, model (timm's
// order), module and model_state_dict that is a mapping that holds tensors, or a module. Of a module (the root may be
// one too) it is the state_dict() that was recovered. An error names the keys that would do.
ClientResult<Weights> ChooseWeights(const Contents& contents, const std::string& key);

// The weights under the first of these keys of the root that holds some, as "auto" takes them; their key is that key.
struct FoundWeights {
  std::string name;
  // What stands at the key.
  NodeId node = 0;
  Weights weights;
};
ClientResult<std::optional<FoundWeights>> FirstWeights(const Contents& contents,
                                                       std::span<const std::string_view> keys);

}  // namespace airlock::cli
