// The index of a sharded checkpoint (model.safetensors.index.json): one JSON object whose `weight_map` says in which
// file of the folder each tensor stands. Read strictly: whatever two readers could take in two ways (a name twice, text
// that is no UTF-8) is an error.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/formats/input.h"
#include "sandbox/pickle/machine.h"

namespace airlock::formats {

struct SetIndex {
  // Tensor and file, in the order of the map.
  std::vector<std::pair<std::string, std::string>> weight_map;
  // What the index says under `metadata`, as a value; kNoNode where it says nothing.
  pickle::NodeId metadata = pickle::kNoNode;
};

// Nothing where the input is no JSON object with a `weight_map`. Fails as kSetAmbiguous, kSetMalformed, or by a limit,
// where it is one that breaks a rule. Values of `metadata` become nodes of the context's graph.
Result<std::optional<SetIndex>> ReadSetIndex(const Input& input, pickle::Context& context);

// Whether the input starts as such an index does.
bool StartsAsJsonObject(std::string_view head);

}  // namespace airlock::formats
