// The broker's side of breach.h: in place of MakeWorkerSetup (--wrap), the same set-up with one word behind it.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "sandbox/spawner/worker_setup_make.h"
#include "tests/hostile/breach.h"

namespace airlock::hostile {
uint64_t walls_to_raise = ~uint64_t{0};
}  // namespace airlock::hostile

namespace airlock::spawner {

SpawnResult<Fd> RealMakeWorkerSetup(const SpawnerOptions& options) asm(
    "__real__ZN7airlock7spawner15MakeWorkerSetupERKNS0_14SpawnerOptionsE");
SpawnResult<Fd> WrapMakeWorkerSetup(const SpawnerOptions& options) asm(
    "__wrap__ZN7airlock7spawner15MakeWorkerSetupERKNS0_14SpawnerOptionsE");

SpawnResult<Fd> WrapMakeWorkerSetup(const SpawnerOptions& options) {
  AIRLOCK_ASSIGN(const Fd real, RealMakeWorkerSetup(options));
  std::vector<char> bytes(sizeof(WorkerSetup));
  const uint64_t word = hostile::walls_to_raise;
  Fd longer(memfd_create("airlock-setup", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const bool written = pread(real.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()) &&
                       write(longer.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
                       write(longer.get(), &word, sizeof(word)) == sizeof(word);
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (!written || fcntl(longer.get(), F_ADD_SEALS, kSeals) != 0) {
    return Unexpected<SpawnError>{SpawnError{"the breached set-up", errno, ""}};
  }
  return longer;
}

}  // namespace airlock::spawner
