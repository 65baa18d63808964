#include "sandbox/worker/job.h"

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "sandbox/spawner/fd_passing.h"
#include "sandbox/spawner/worker_exit.h"
#include "sandbox/walls/filter_load.h"
#include "sandbox/walls/worker_fds.h"

namespace airlock::worker {
namespace {

// More than kMaxJobBytes (spawner_client.h) and its length: a longer message shows.
std::array<std::byte, 8192> buffer;
constexpr size_t kPrefix = 4;

uint32_t LengthOf(const std::byte* prefix) {
  uint32_t length = 0;
  for (size_t i = 0; i < kPrefix; ++i) length |= std::to_integer<uint32_t>(prefix[i]) << (8 * i);
  return length;
}

}  // namespace

v1::Job ReceiveJob() {
  spawner::Received received = spawner::ReceiveWithFds(walls::kSocketFd, buffer);
  if (received.size == 0) _exit(spawner::kWorkerBrokerGone);
  if (received.size < static_cast<long>(kPrefix) || received.fd_count != 2) _exit(spawner::kWorkerBadJob);
  // The lowest free numbers: that it is these two proves that nothing else was open.
  if (received.fds[0].Release() != walls::kInputFd || received.fds[1].Release() != walls::kOutputFd) {
    _exit(spawner::kWorkerBadJob);
  }
  const auto size = static_cast<size_t>(received.size) - kPrefix;
  v1::Job job;
  if (LengthOf(buffer.data()) != size || !job.ParseFromArray(buffer.data() + kPrefix, static_cast<int>(size))) {
    _exit(spawner::kWorkerBadJob);
  }
  return job;
}

void EnterWorkingFilter(const spawner::WorkerSetup& setup) {
  if (!walls::LoadFilter(setup.working.Program()).ok()) _exit(spawner::kWorkerLockdown);
}

}  // namespace airlock::worker
