// Which weights `convert --split` puts into files of their own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/cli/state/state_objects.h"
#include "client/cli/weights/weights.h"

namespace airlock::cli {

inline constexpr std::string_view kWeightsFile = "weights.safetensors";
inline constexpr std::string_view kEmaFile = "weights_ema.safetensors";
inline constexpr std::string_view kOptimizerFile = "optimizer.safetensors";
inline constexpr std::string_view kStateFile = "training_state.json";

struct SplitPart {
  std::string file;
  // Where they are, as --key has it.
  std::string key;
  // The object that holds them.
  NodeId held = 0;
  Weights weights;
  // The file says all that the object holds (or all that is asked for of a module): it stands in the file alone.
  bool replaced = false;
};

// With "auto" averaged weights (state_dict_ema, model_ema) and plain ones apart, the former first.
ClientResult<std::vector<SplitPart>> SplitParts(const StateObjects& objects, const std::string& key);

}  // namespace airlock::cli
