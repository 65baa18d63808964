// What gRPC has to say goes into the daemon's log, and one thing of it ends the daemon.
//
// gRPC 1.51 gives a listening socket up for ever where accept fails, as it does for want of descriptors: callers can
// bring that about, and the daemon would live on, deaf. It says so in its log and nowhere else.
#pragma once

namespace airlock::server {

// Call before any thread of gRPC's. The descriptor is the process's own, readable once a listener was given up; -1
// where there was none to be had.
int WatchGrpcLog();

}  // namespace airlock::server
