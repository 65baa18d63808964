#include "sandbox/worker/idle.h"

#include <poll.h>

#include <cstdlib>
#include <ctime>
#include <span>

#include "sandbox/base/warm_blocks.h"
#include "sandbox/walls/worker_fds.h"

namespace airlock::worker {
namespace {

// Loads that follow each other faster take workers that have not begun: pages that a tiny file does not need would cost
// it more than the file.
constexpr timespec kQuiet = {.tv_sec = 0, .tv_nsec = 20'000'000};
constexpr timespec kNow = {};

// Whether there is anything to receive, or to find out by receiving.
bool JobWaits(const timespec& timeout) {
  pollfd socket = {walls::kSocketFd, POLLIN, 0};
  return ppoll(&socket, 1, &timeout, nullptr) != 0;
}

// Below what malloc asks the kernel for by itself, and trims: it stays.
void WarmHeap() {
  constexpr size_t kBytes = size_t{512} << 10;
  auto* const heap = static_cast<char*>(std::malloc(kBytes));
  if (heap == nullptr) return;
  TouchPages({heap, kBytes});
  std::free(heap);
}

}  // namespace

void UseIdleTime() {
  if (JobWaits(kQuiet)) return;
  WarmHeap();
  while (!JobWaits(kNow) && warm_blocks.WarmNext()) {
  }
}

}  // namespace airlock::worker
