// The spawner that a test has started.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace airlock::spawner {

// This process's first child; workers come later. -1: there is none.
inline pid_t SpawnerPid() {
  const std::string self = std::to_string(getpid());
  std::ifstream children("/proc/" + self + "/task/" + self + "/children");
  pid_t first = -1;
  children >> first;
  return first;
}

}  // namespace airlock::spawner
