// Why there is no spawner or no worker: what was tried, and what an operator can do.
#pragma once

#include <string>

#include "sandbox/base/expected.h"

namespace airlock::spawner {

struct SpawnError {
  std::string step;  // "clone3", "exec airlock-worker", "seccomp filter" ...
  int error_number = 0;
  std::string remedy;
};
template <typename T>
using SpawnResult = Expected<T, SpawnError>;

}  // namespace airlock::spawner
