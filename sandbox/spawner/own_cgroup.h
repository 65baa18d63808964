// Where in the cgroup v2 hierarchy this process is, as a directory. Pure text work, and the two files that it is done
// on. Thread-safe.
#pragma once

#include <istream>
#include <string>

namespace airlock::spawner {

// From /proc/self/mountinfo and /proc/self/cgroup; empty where there is no cgroup2 mount, or none that shows our group:
// a mount of a part of the hierarchy, or a group above the root of our cgroup namespace.
std::string CgroupDirectory(std::istream& mountinfo, std::istream& cgroup);

// The same of this process.
std::string OwnCgroupDirectory();

}  // namespace airlock::spawner
