// What the spawner and every worker of one broker are set up with: made once by the broker, in a sealed memfd that
// nobody can change, read by spawner and workers. Plain data; program and broker are of one build, which `version`
// checks.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include "sandbox/walls/rlimits.h"
#include "sandbox/walls/user_range.h"

namespace airlock::spawner {

inline constexpr uint64_t kSetupMagic = 0x70757465534b4c41;  // "ALKSetup"
inline constexpr uint32_t kSetupVersion = 3;
inline constexpr size_t kMaxFilterOps = 256;

struct FilterImage {
  uint32_t count = 0;
  sock_filter ops[kMaxFilterOps] = {};

  std::span<const sock_filter> Program() const { return {ops, count}; }
};

struct WorkerSetup {
  uint64_t magic = kSetupMagic;
  uint32_t version = kSetupVersion;
  uint32_t size = sizeof(WorkerSetup);
  walls::ResourceLimits resources;
  int32_t broker_pid = 0;
  uint32_t without_namespaces = 0;
  walls::UserRange users;
  FilterImage spawner;
  FilterImage idle;
  FilterImage working;
};
static_assert(std::is_trivially_copyable_v<WorkerSetup>);

// Reads it from a memfd whose seals forbid every change. Nothing where anything about it is odd.
std::optional<WorkerSetup> ReadWorkerSetup(int fd);

}  // namespace airlock::spawner
