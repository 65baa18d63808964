// The limits of one load, as a plain struct for the decoders. The rows are limits.def.
#pragma once

#include <cstdint>

namespace airlock {

struct Limits {
#define AIRLOCK_LIMIT(name, default_value, why) uint64_t name = default_value;
#include "sandbox/base/limits.def"
#undef AIRLOCK_LIMIT
};

}  // namespace airlock
