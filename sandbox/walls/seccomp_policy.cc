#include "sandbox/walls/seccomp_policy.h"

#include <fcntl.h>
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

// Whether bits above the lowest ones say so: `value` to `value` + ~`mask`.
constexpr ArgCheck Masked(uint32_t arg, uint64_t mask, uint64_t value, std::string_view symbol) {
  return {arg, Compare::kMaskedEqual, mask, value, symbol};
}

constexpr std::array kInputChecks = {Equal(0, kInputFd, "fd == 4")};
// 7 to 255 in powers of two, as ranges are not to be had.
constexpr std::array kInput7 = {Equal(0, 7, "fd == 7")};
constexpr std::array kInputs8To15 = {Masked(0, ~uint64_t{7}, 8, "fd & ~7 == 8")};
constexpr std::array kInputs16To31 = {Masked(0, ~uint64_t{15}, 16, "fd & ~15 == 16")};
constexpr std::array kInputs32To63 = {Masked(0, ~uint64_t{31}, 32, "fd & ~31 == 32")};
constexpr std::array kInputs64To127 = {Masked(0, ~uint64_t{63}, 64, "fd & ~63 == 64")};
constexpr std::array kInputs128To255 = {Masked(0, ~uint64_t{127}, 128, "fd & ~127 == 128")};
static_assert(kMoreInputsFd == 7 && InputFd(kMaxInputs - 1) <= 255);
constexpr std::array kOutputChecks = {Equal(0, kOutputFd, "fd == 5")};
constexpr std::array kGraphChecks = {Equal(0, kGraphFd, "fd == 6")};
constexpr std::array kSocketChecks = {Equal(0, kSocketFd, "fd == 3")};
constexpr std::array kMmapChecks = {Equal(2, PROT_READ | PROT_WRITE, "prot == READ|WRITE"),
                                    Equal(3, MAP_PRIVATE | MAP_ANONYMOUS, "flags == PRIVATE|ANONYMOUS")};
constexpr std::array kMremapChecks = {Equal(3, MREMAP_MAYMOVE, "flags == MAYMOVE")};
constexpr std::array kFutexChecks = {Equal(1, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, "op == WAKE|PRIVATE")};
constexpr std::array kSeccompChecks = {Equal(0, SECCOMP_SET_MODE_FILTER, "op == SET_MODE_FILTER"),
                                       Equal(1, 0, "flags == 0")};
constexpr std::array kPrctlChecks = {Equal(0, PR_GET_SECCOMP, "op == GET_SECCOMP")};

constexpr std::string_view kReads =
    "reads the checkpoint, from any offset, without moving a shared one; 7 and above are further files of a set, and "
    "nothing else is ever open there";

constexpr std::string_view kWrites =
    "writes inflated and swapped tensor bytes to the output, and the value graph to the graph file";

// The working rows come first: WorkingPolicy() is a prefix.
constexpr std::array kPolicy = {
    PolicyRow{"pread64", kInputChecks, kReads},
    PolicyRow{"pread64", kInput7, kReads},
    PolicyRow{"pread64", kInputs8To15, kReads},
    PolicyRow{"pread64", kInputs16To31, kReads},
    PolicyRow{"pread64", kInputs32To63, kReads},
    PolicyRow{"pread64", kInputs64To127, kReads},
    PolicyRow{"pread64", kInputs128To255, kReads},
    PolicyRow{"pwrite64", kOutputChecks, kWrites},
    PolicyRow{"pwrite64", kGraphChecks, kWrites},
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
    PolicyRow{"recvmsg", kSocketChecks, "receives the one job with its descriptors"},
    PolicyRow{"seccomp", kSeccompChecks, "loads the working filter, which can only narrow this one"},
    PolicyRow{"prctl", kPrctlChecks, "asks whether this filter is in force before saying READY; changes nothing"},
};
constexpr size_t kWorkingRows = 17;

constexpr ArgCheck Without(uint32_t arg, uint64_t bits, std::string_view symbol) {
  return {arg, Compare::kMaskedEqual, bits, 0, symbol};
}

constexpr std::array kProgramChecks = {Equal(0, kProgramFd, "fd == 5"), Equal(4, AT_EMPTY_PATH, "flags == EMPTY_PATH")};
constexpr std::array kDupChecks = {Equal(1, kSocketFd, "newfd == 3")};
constexpr std::array kReadOnlyChecks = {Without(2, O_ACCMODE | O_CREAT | O_TRUNC, "flags: read only")};
constexpr std::array kNoExecChecks = {Without(2, PROT_EXEC, "prot without EXEC")};

constexpr std::array kSpawnerPolicy = {
    // Making workers.
    PolicyRow{"recvmsg", kSocketChecks, "the broker's wish for a worker, with its socket; a worker's one job"},
    PolicyRow{"sendmsg", kSocketChecks, "the answer, with the worker's pidfd"},
    PolicyRow{"clone3", {}, "makes a worker"},
    PolicyRow{"clone", {}, "makes a worker where clone3 is hidden"},
#if defined(__x86_64__)
    PolicyRow{"dup2", kDupChecks, "puts the worker's socket in its place"},
#else
    PolicyRow{"dup3", kDupChecks, "puts the worker's socket in its place"},
#endif
    PolicyRow{"execveat", kProgramChecks,
              "starts the worker: the program that this process was started from, no other"},
    PolicyRow{"close", {}, "descriptors that are no longer wanted"},
    PolicyRow{"close_range", {}, "a worker has none but its own"},
    PolicyRow{"exit_group", {}, "the end"},
    PolicyRow{"restart_syscall", {}, "the kernel's own, after a stop and continue signal"},
    // From birth to main.
    PolicyRow{"brk", {}, "the heap grows"},
    PolicyRow{"mmap", kNoExecChecks, "memory, never executable: the program is mapped by the kernel"},
    PolicyRow{"munmap", {}, "memory goes back"},
    PolicyRow{"mremap", kMremapChecks, "memory grows"},
    PolicyRow{"mprotect", kNoExecChecks, "relocated data becomes read-only"},
#if defined(__x86_64__)
    PolicyRow{"arch_prctl", {}, "thread-local storage"},
    PolicyRow{"readlink", {}, "the C library looks for its own path"},
    PolicyRow{"mkdir", {}, "proves that the root cannot be written"},
#else
    PolicyRow{"readlinkat", {}, "the C library looks for its own path"},
    PolicyRow{"mkdirat", {}, "proves that the root cannot be written"},
#endif
    PolicyRow{"set_tid_address", {}, "the C library's start"},
    PolicyRow{"set_robust_list", {}, "the C library's start"},
    PolicyRow{"rseq", {}, "the C library's start"},
    PolicyRow{"rt_sigprocmask", {}, "the C library's start, in later versions"},
    PolicyRow{"getrandom", {}, "keys of hash tables and of the heap"},
    PolicyRow{"futex", {}, "one-time initialisation"},
    // The lock-down of a worker.
    PolicyRow{"pread64", {}, "reads the sealed set-up, then the checkpoint"},
    PolicyRow{"pwrite64", kOutputChecks, "writes the output"},
    PolicyRow{"pwrite64", kGraphChecks, "writes the value graph"},
    PolicyRow{"write", kSocketChecks, "sends frames"},
    PolicyRow{"fcntl", {}, "looks at the seals of the set-up"},
    PolicyRow{"prctl", {}, "most walls"},
    PolicyRow{"prlimit64", {}, "resource limits"},
    PolicyRow{"capget", {}, "no capabilities"},
    PolicyRow{"capset", {}, "no capabilities"},
    PolicyRow{"getpid", {}, "whether the pid namespace is there"},
    PolicyRow{"getppid", {}, "whether the broker is"},
    PolicyRow{"openat", kReadOnlyChecks, "opens the root to see that it is empty"},
    PolicyRow{"getdents64", {}, "sees that the root is empty"},
    PolicyRow{"landlock_create_ruleset", {}, "Landlock"},
    PolicyRow{"landlock_restrict_self", {}, "Landlock"},
    PolicyRow{"seccomp", kSeccompChecks, "filters, which can only narrow this one"},
};

}  // namespace

// Real, effective and saved one. A range of a power of two begins at a multiple of itself.
UserChangePolicy::UserChangePolicy(const UserRange& users)
    : rows_{PolicyRow{"setresgid", checks_, "a worker's own group"}, PolicyRow{"setresuid", checks_, "and user"}} {
  const uint64_t mask = ~uint64_t{users.count - 1};
  for (uint32_t arg = 0; arg < checks_.size(); ++arg) checks_[arg] = Masked(arg, mask, users.base, "id of the range");
}

std::span<const PolicyRow> SpawnerPolicy() { return kSpawnerPolicy; }

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

std::vector<CallText> DescribeCalls(std::span<const PolicyRow> policy) {
  std::vector<CallText> calls;
  for (const PolicyRow& row : policy) {
    if (calls.empty() || calls.back().syscall != row.syscall) {
      calls.push_back({row.syscall, DescribeChecks(row), row.why});
    } else {
      calls.back().check += " or " + DescribeChecks(row);
    }
  }
  return calls;
}

}  // namespace airlock::walls
