// A folder as a set: the regular files in it, in the order of their names. Links, folders and devices in it are passed
// over; nothing is followed.
#pragma once

#include <cstdint>

#include "sandbox/base/fd.h"
#include "server/source/input.h"
#include "server/verdict.h"

namespace airlock::server {

// `folder`: a descriptor of a directory, opened for reading. Fails as LIMIT where it holds more than `max_files`, and
// as NOT_A_REGULAR_FILE where it holds none.
OrVerdict<Input> OpenFolder(Fd folder, uint64_t max_files);

}  // namespace airlock::server
