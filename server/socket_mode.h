// The mode of a unix socket by its path, and of nothing else that may have come to stand there.
#pragma once

#include <sys/types.h>

#include <string>

namespace airlock::server {

// False: errno says why; ENOTSOCK where no socket is at `path` itself. Follows no link.
bool SetSocketMode(const std::string& path, mode_t mode);

}  // namespace airlock::server
