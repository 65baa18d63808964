#include "sandbox/walls/rlimits.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "sandbox/base/graph_file.h"
#include "sandbox/walls/worker_fds.h"

namespace airlock::walls {
namespace {

// Nothing recurses on input depth.
constexpr uint64_t kStackBytes = uint64_t{1} << 20;
// Those of the largest set of files, and room so that a surplus descriptor is seen instead of dropped.
constexpr uint64_t kDescriptors = 258;
static_assert(InputFd(kMaxInputs - 1) + 2 < static_cast<int>(kDescriptors));
// Not 0: a core handler behind a pipe runs in spite of 0, and stays away from 1.
constexpr uint64_t kCoreBytes = 1;

// It must not stop the graph file where the output may be small. What each of the two files takes at most, its size
// seals say exactly.
constexpr uint64_t kGraphFileBytes = kGraphColumns * kMaxGraphRoom;

struct Row {
  int resource;
  uint64_t value;
  const char* name;
};

WallResult Apply(const Row& row) {
  rlimit current{};
  if (getrlimit(static_cast<__rlimit_resource_t>(row.resource), &current) != 0) return WallFailure(row.name, errno);
  const rlim_t value = std::min<rlim_t>(row.value, current.rlim_max);
  const rlimit wanted{value, value};
  if (setrlimit(static_cast<__rlimit_resource_t>(row.resource), &wanted) != 0) return WallFailure(row.name, errno);
  return {};
}

}  // namespace

WallResult ApplyRlimits(const ResourceLimits& limits) {
  const Row rows[] = {
      {RLIMIT_CPU, limits.cpu_seconds, "RLIMIT_CPU"},
      {RLIMIT_AS, limits.memory_bytes, "RLIMIT_AS"},
      {RLIMIT_DATA, limits.memory_bytes, "RLIMIT_DATA"},
      {RLIMIT_STACK, kStackBytes, "RLIMIT_STACK"},
      {RLIMIT_FSIZE, std::max(limits.output_bytes, kGraphFileBytes), "RLIMIT_FSIZE"},
      {RLIMIT_NOFILE, kDescriptors, "RLIMIT_NOFILE"},
      {RLIMIT_NPROC, 0, "RLIMIT_NPROC"},
      {RLIMIT_CORE, kCoreBytes, "RLIMIT_CORE"},
      {RLIMIT_MEMLOCK, 0, "RLIMIT_MEMLOCK"},
      {RLIMIT_MSGQUEUE, 0, "RLIMIT_MSGQUEUE"},
  };
  for (const Row& row : rows) AIRLOCK_TRY(Apply(row));
  return {};
}

}  // namespace airlock::walls
