// Why a wall could not be raised. Made in processes without a heap to speak of: names are literals.
#pragma once

#include "sandbox/base/expected.h"

namespace airlock::walls {

struct WallError {
  const char* step = "";
  int error_number = 0;
};
using WallResult = Expected<void, WallError>;

inline Unexpected<WallError> WallFailure(const char* step, int error_number) {
  return Unexpected<WallError>{WallError{step, error_number}};
}

}  // namespace airlock::walls
