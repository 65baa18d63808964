// Detached: tensors as `state_dict()` gives them: the same elements, no gradient, no parameter any more. A tensor that
// is there under two names (tied weights) stays one.
#pragma once

#include <unordered_map>

#include "sandbox/base/error.h"
#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/tables.h"

namespace airlock::recovery {

// Borrows both. Not thread-safe.
class Detached {
 public:
  Detached(pickle::Context& context, tensors::Tables& tables) : context_(context), tables_(tables) {}

  // Of a tensor of any kind; any other node is given back as it is.
  Result<pickle::NodeId> Of(pickle::NodeId node);

 private:
  Result<pickle::NodeId> Make(pickle::NodeId node);
  Result<pickle::NodeId> MakeStrided(pickle::NodeId node);
  pickle::NodeId MakeCompound(pickle::NodeId node, uint32_t dropped);
  void CopyQuantization(uint32_t from, uint32_t to);

  pickle::Context& context_;
  tensors::Tables& tables_;
  std::unordered_map<pickle::NodeId, pickle::NodeId> made_;
  std::unordered_map<uint32_t, size_t> quantization_of_;  // by tensor
  size_t quantizations_seen_ = 0;
};

}  // namespace airlock::recovery
