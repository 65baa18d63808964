#include "sandbox/spawner/worker_setup.h"

#include <fcntl.h>
#include <unistd.h>

namespace airlock::spawner {

std::optional<WorkerSetup> ReadWorkerSetup(int fd) {
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return std::nullopt;
  WorkerSetup setup;
  if (pread(fd, &setup, sizeof(setup), 0) != static_cast<ssize_t>(sizeof(setup))) return std::nullopt;
  if (setup.magic != kSetupMagic || setup.version != kSetupVersion || setup.size != sizeof(setup)) return std::nullopt;
  if (setup.users.count != 0 && !walls::IsUsable(setup.users)) return std::nullopt;
  for (const FilterImage* filter : {&setup.spawner, &setup.idle, &setup.working}) {
    if (filter->count == 0 || filter->count > kMaxFilterOps) return std::nullopt;
  }
  return setup;
}

}  // namespace airlock::spawner
