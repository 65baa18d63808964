// JSON beside checkpoints that has pickles in it: stable-baselines3 keeps the parts of an agent that JSON cannot say as
// cloudpickle's streams in base64, under the key ":serialized:", and unpickles them when it loads the agent.
#pragma once

#include <string_view>

namespace airlock::formats {

// Whether a JSON text may have that key. One that is written with escapes for plain characters, as no writer does,
// counts as one that has.
bool MayHoldSerialized(std::string_view json);

}  // namespace airlock::formats
