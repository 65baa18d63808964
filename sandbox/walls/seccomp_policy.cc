#include "sandbox/walls/seccomp_policy.h"

#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <array>

#include "sandbox/walls/worker_fds.h"

namespace airlock::walls {
namespace {

constexpr ArgCheck Equal(uint32_t arg, uint64_t value, std::string_view symbol) {
  return {arg, Compare::kEqual, ~uint64_t{0}, value, symbol};
}

constexpr std::array kInputChecks = {Equal(0, kInputFd, "fd == 4")};
constexpr std::array kOutputChecks = {Equal(0, kOutputFd, "fd == 5")};
constexpr std::array kSocketChecks = {Equal(0, kSocketFd, "fd == 3")};
constexpr std::array kMmapChecks = {Equal(2, PROT_READ | PROT_WRITE, "prot == READ|WRITE"),
                                    Equal(3, MAP_PRIVATE | MAP_ANONYMOUS, "flags == PRIVATE|ANONYMOUS")};
constexpr std::array kMremapChecks = {Equal(3, MREMAP_MAYMOVE, "flags == MAYMOVE")};
constexpr std::array kFutexChecks = {Equal(1, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, "op == WAKE|PRIVATE")};
constexpr std::array kSeccompChecks = {Equal(0, SECCOMP_SET_MODE_FILTER, "op == SET_MODE_FILTER"),
                                       Equal(1, 0, "flags == 0")};
constexpr std::array kPrctlChecks = {Equal(0, PR_GET_SECCOMP, "op == GET_SECCOMP")};

// The working rows come first: WorkingPolicy() is a prefix.
constexpr std::array kPolicy = {
    PolicyRow{"pread64", kInputChecks, "reads the checkpoint, from any offset, without moving a shared one"},
    PolicyRow{"pwrite64", kOutputChecks, "writes inflated and swapped tensor bytes to the output"},
    PolicyRow{"write", kSocketChecks, "sends frames to the broker; carries no descriptors, unlike sendmsg"},
    PolicyRow{"brk", {}, "the heap grows"},
    PolicyRow{"mmap", kMmapChecks,
              "large blocks of memory: private, anonymous, never executable, address chosen by the kernel"},
    PolicyRow{"munmap", {}, "large blocks go back"},
    PolicyRow{"mremap", kMremapChecks, "large blocks grow, at an address that the kernel chooses"},
    PolicyRow{"futex", kFutexChecks, "the C++ runtime marks one-time initialisation as done; wakes nobody"},
    PolicyRow{"exit_group", {}, "the end"},
    PolicyRow{"restart_syscall", {}, "the kernel's own, after a stop and continue signal"},
    // Idle only.
    PolicyRow{"recvmsg", kSocketChecks, "receives the one job with its two descriptors"},
    PolicyRow{"seccomp", kSeccompChecks, "loads the working filter, which can only narrow this one"},
    PolicyRow{"prctl", kPrctlChecks, "asks whether this filter is in force before saying READY; changes nothing"},
};
constexpr size_t kWorkingRows = 10;

}  // namespace

std::span<const PolicyRow> WorkingPolicy() { return std::span(kPolicy).first(kWorkingRows); }

std::span<const PolicyRow> IdlePolicy() { return kPolicy; }

std::string DescribeChecks(const PolicyRow& row) {
  std::string text;
  for (const ArgCheck& check : row.checks) {
    if (!text.empty()) text += " and ";
    text += check.symbol;
  }
  return text;
}

}  // namespace airlock::walls
