#include "sandbox/worker/job.h"

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sandbox/base/fd_passing.h"
#include "sandbox/spawner/spawner_client.h"
#include "sandbox/spawner/worker_exit.h"
#include "sandbox/walls/filter_load.h"
#include "sandbox/walls/worker_fds.h"

namespace airlock::worker {
namespace {

constexpr size_t kPrefix = 4;

// Static: what closes a descriptor at the end of a scope would be killed for it. With room for one more byte than any
// job has, so that a longer one shows.
std::array<std::byte, kPrefix + spawner::kMaxJobBytes + 1> buffer;
std::array<Fd, kMaxPassedFds> fds;

uint32_t LengthOf(const std::byte* prefix) {
  uint32_t length = 0;
  for (size_t i = 0; i < kPrefix; ++i) length |= std::to_integer<uint32_t>(prefix[i]) << (8 * i);
  return length;
}

// The next piece of the message, at `done` of the buffer; descriptors come with the first one only. Its end.
size_t ReceivePiece(size_t done, std::span<Fd> room, size_t& fd_count) {
  const Received received = ReceiveWithFds(walls::kSocketFd, std::span(buffer).subspan(done), room);
  if (received.size == 0) _exit(spawner::kWorkerBrokerGone);
  if (received.size < 0) _exit(spawner::kWorkerBadJob);
  fd_count += received.fd_count;
  return done + static_cast<size_t>(received.size);
}

// Input number 0, the output, the graph file, the inputs after it, at the lowest free numbers: that it is these proves
// that nothing else was open.
bool AreInPlace(size_t fd_count) {
  for (size_t i = 0; i < fd_count; ++i) {
    if (fds[i].Release() != walls::kInputFd + static_cast<int>(i)) return false;
  }
  return true;
}

bool AreAnnounced(const v1::Job& job, size_t fd_count) {
  const size_t further = job.further_inputs();
  if (further != 0 && further + 1 != static_cast<size_t>(job.files_size())) return false;
  return further < walls::kMaxInputs && fd_count == further + 3;
}

}  // namespace

v1::Job ReceiveJob() {
  static_assert(walls::kOutputFd == walls::kInputFd + 1 && walls::kGraphFd == walls::kOutputFd + 1 &&
                walls::InputFd(1) == walls::kGraphFd + 1);
  size_t fd_count = 0;
  size_t size = ReceivePiece(0, fds, fd_count);
  if (size < kPrefix || !AreInPlace(fd_count)) _exit(spawner::kWorkerBadJob);
  const size_t length = LengthOf(buffer.data());
  if (length > spawner::kMaxJobBytes) _exit(spawner::kWorkerBadJob);
  while (size < kPrefix + length) size = ReceivePiece(size, {}, fd_count);
  v1::Job job;
  if (size != kPrefix + length || !job.ParseFromArray(buffer.data() + kPrefix, static_cast<int>(length)) ||
      !AreAnnounced(job, fd_count)) {
    _exit(spawner::kWorkerBadJob);
  }
  return job;
}

void EnterWorkingFilter(const spawner::WorkerSetup& setup) {
  if (!walls::LoadFilter(setup.working.Program()).ok()) _exit(spawner::kWorkerLockdown);
}

}  // namespace airlock::worker
