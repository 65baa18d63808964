#include "sandbox/spawner/output_memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

namespace airlock::spawner {
namespace {

constexpr unsigned int kNoExecSeal = 8;  // MFD_NOEXEC_SEAL, Linux 6.3
constexpr int kSizeSeals = F_SEAL_GROW | F_SEAL_SHRINK;
constexpr int kAllSeals = kSizeSeals | F_SEAL_WRITE | F_SEAL_SEAL;

Unexpected<SpawnError> Failure(const char* step, int error_number) {
  return Unexpected<SpawnError>{SpawnError{
      step, error_number, "memory files need Linux 3.17 and a service without a low limit on file sizes (ulimit -f)"}};
}

bool HasSeals(int fd, int wanted) {
  const int seals = fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & wanted) == wanted;
}

}  // namespace

SpawnResult<OutputMemfd> OutputMemfd::Create(uint64_t capacity) {
  if (capacity > static_cast<uint64_t>(std::numeric_limits<off_t>::max())) return Failure("size of the output", EFBIG);
  Fd fd(memfd_create("airlock-output", MFD_CLOEXEC | MFD_ALLOW_SEALING | kNoExecSeal));
  if (!fd && errno == EINVAL) fd = Fd(memfd_create("airlock-output", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return Failure("memfd_create", errno);
  if (ftruncate(fd.get(), static_cast<off_t>(capacity)) != 0) return Failure("ftruncate of the output", errno);
  if (fcntl(fd.get(), F_ADD_SEALS, kSizeSeals) != 0) return Failure("sealing the output's size", errno);
  if (!HasSeals(fd.get(), kSizeSeals)) return Failure("checking the output's seals", EPERM);
  return OutputMemfd(std::move(fd), capacity);
}

SpawnResult<void> OutputMemfd::SealForReading() {
  if (fcntl(fd_.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) != 0) return Failure("sealing the output", errno);
  if (!HasSeals(fd_.get(), kAllSeals)) return Failure("checking the output's seals", EPERM);
  return {};
}

}  // namespace airlock::spawner
