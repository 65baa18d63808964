// What a descriptor must be that a caller hands in: of a regular file, opened for reading only, of the size that it
// says.
//
// The descriptor stays the caller's file: it can be cut short or changed at any time, so it is never read or mapped
// here. Nothing is asked that the file's server would have to answer (AT_STATX_DONT_SYNC): a caller may be that server,
// by FUSE.
#pragma once

#include "airlock/v1/descriptors.pb.h"
#include "server/verdict.h"

namespace airlock::server {

// Fails as NOT_A_REGULAR_FILE, BAD_REQUEST, INPUT_CHANGED.
OrVerdict<void> CheckHandedIn(int fd, const v1::File& file);

}  // namespace airlock::server
