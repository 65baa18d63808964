// What broker and spawner say to each other: plain structures over a SOCK_SEQPACKET pair, both ends of one build.
//
//   spawner -> broker   Hello, once
//   broker -> spawner   SpawnRequest with the worker's end of its socket, and the directory of its cgroup if it has one
//   spawner -> broker   SpawnReply with the worker's pidfd, or without where it failed
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdio>

#include "sandbox/walls/namespaces.h"
#include "sandbox/walls/worker_fds.h"

namespace airlock::spawner {

// The descriptors that the spawner is started with; 0 to 2 are /dev/null.
inline constexpr int kControlFd = 3;
inline constexpr int kSetupFd = 4;
inline constexpr int kProgramFd = walls::kProgramFd;

inline constexpr uint32_t kControlMagic = 0x4c4b4c41;  // "ALKL"
inline constexpr size_t kStepBytes = 56;

// Why something failed; error_number 0: it did not.
struct StepFailure {
  int32_t error_number = 0;
  char step[kStepBytes] = {};

  void Set(const char* name, int number) {
    error_number = number != 0 ? number : -1;
    std::snprintf(step, sizeof(step), "%s", name);
  }
};

struct Hello {
  uint32_t magic = kControlMagic;
  StepFailure failure;
  walls::NamespaceReport namespaces;
};

struct SpawnRequest {
  uint32_t magic = kControlMagic;
  // User and group that the worker becomes, of the range of the set-up; 0: it stays what the spawner is.
  uint32_t user = 0;
};

struct SpawnReply {
  uint32_t magic = kControlMagic;
  int32_t pid = -1;
  StepFailure failure;
};

}  // namespace airlock::spawner
