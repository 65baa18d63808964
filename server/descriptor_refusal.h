// Has the kernel refuse descriptors that callers would leave in a socket of gRPC's.
//
// Nobody reads them there, and whoever drops the last one waits as long as their owner likes (SO_LINGER, FUSE): that
// would be gRPC's threads. Linux 6.16 and later; before, nothing can be done here.
#pragma once

#include <string>

namespace airlock::server {

// For all connections that the listening socket at `path`, one of this process's, accepts from now on. Whether the
// kernel does it.
bool RefuseDescriptors(const std::string& path);

}  // namespace airlock::server
