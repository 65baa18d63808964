// The filters as bytes: what the kernel would do with every call of the truth table, and whether the proof of a filter
// notices when a row is missing, wider or narrower than the policy.
#include "sandbox/walls/filter.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "sandbox/walls/bpf_evaluator.h"
#include "sandbox/walls/filter_check.h"

namespace airlock::walls {
namespace {

using Policy = std::vector<PolicyRow>;

FilterProgram Compile(std::span<const PolicyRow> policy) {
  auto program = CompileUnproved(policy);
  EXPECT_TRUE(program.ok());
  return program.ok() ? std::move(program).value() : FilterProgram{};
}

std::optional<uint32_t> Decide(const FilterProgram& program, long number, std::array<uint64_t, 6> args,
                               uint32_t arch = NativeArch()) {
  seccomp_data call{};
  call.nr = static_cast<int>(number);
  call.arch = arch;
  std::copy(args.begin(), args.end(), call.args);
  return EvaluateBpf(program, call);
}

TEST(PolicyTest, TheWorkingFilterHasExactlyTheseTenNames) {
  std::set<std::string_view> names;
  for (const PolicyRow& row : WorkingPolicy()) {
    names.insert(row.syscall);
    EXPECT_FALSE(row.why.empty());
  }
  EXPECT_EQ(names, (std::set<std::string_view>{"pread64", "pwrite64", "write", "brk", "mmap", "munmap", "mremap",
                                               "futex", "exit_group", "restart_syscall"}));
  EXPECT_EQ(DescribeCalls(WorkingPolicy()).size(), 10U);
}

TEST(PolicyTest, IdleIsWorkingAndWhatReceivingTheJobTakes) {
  std::set<std::string_view> added;
  for (const PolicyRow& row : IdlePolicy().subspan(WorkingPolicy().size())) added.insert(row.syscall);
  EXPECT_EQ(added, (std::set<std::string_view>{"recvmsg", "seccomp", "prctl"}));
}

TEST(PolicyTest, ChecksReadAsWords) {
  const auto rows = WorkingPolicy();
  const auto mmap_row = std::find_if(rows.begin(), rows.end(), [](const auto& row) { return row.syscall == "mmap"; });
  ASSERT_NE(mmap_row, rows.end());
  EXPECT_EQ(DescribeChecks(*mmap_row), "prot == READ|WRITE and flags == PRIVATE|ANONYMOUS");
}

TEST(PolicyTest, AlternativesReadAsWords) {
  const std::vector<CallText> calls = DescribeCalls(WorkingPolicy());
  EXPECT_EQ(calls[0].syscall, "pread64");
  EXPECT_EQ(calls[0].check,
            "fd == 4 or fd == 7 or fd & ~7 == 8 or fd & ~15 == 16 or fd & ~31 == 32 or fd & ~63 == 64 or "
            "fd & ~127 == 128");
  EXPECT_EQ(calls[1].syscall, "pwrite64");
  EXPECT_EQ(calls[1].check, "fd == 5 or fd == 6");
}

// Reads the input and the files after the first, writes both memory files: not the socket, nothing above.
TEST(FilterTest, ReadsInputsAndWritesMemoryFilesOnly) {
  constexpr uint64_t kHigh = uint64_t{1} << 32;
  for (const auto policy : {WorkingPolicy(), IdlePolicy()}) {
    const FilterProgram program = Compile(policy);
    for (uint64_t fd = 0; fd < 70'000; ++fd) {
      const bool input = fd == 4 || (fd >= 7 && fd <= 255);
      ASSERT_EQ(Decide(program, SYS_pread64, {fd}), input ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS) << fd;
      ASSERT_EQ(Decide(program, SYS_pread64, {fd | kHigh}), SECCOMP_RET_KILL_PROCESS) << fd;
      ASSERT_EQ(Decide(program, SYS_pread64, {fd | uint64_t{1} << 63}), SECCOMP_RET_KILL_PROCESS) << fd;
      const bool memory_file = fd == 5 || fd == 6;
      ASSERT_EQ(Decide(program, SYS_pwrite64, {fd}), memory_file ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS) << fd;
      ASSERT_EQ(Decide(program, SYS_pwrite64, {fd | kHigh}), SECCOMP_RET_KILL_PROCESS) << fd;
      ASSERT_EQ(Decide(program, SYS_write, {fd}), fd == 3 ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS) << fd;
    }
    EXPECT_EQ(Decide(program, SYS_pread64, {~uint64_t{0}}), SECCOMP_RET_KILL_PROCESS);
  }
}

TEST(FilterTest, EachFilterIsExactlyItsPolicy) {
  for (const auto policy : {WorkingPolicy(), IdlePolicy(), SpawnerPolicy()}) {
    const auto program = CompileFilter(policy);
    ASSERT_TRUE(program.ok()) << program.error().step;
    EXPECT_LT(program->size(), 200U);
  }
}

// Not through CheckFilter, so that a fault in it would show.
TEST(FilterTest, AllowsTenNumbersOfAllAndOnlyNatively) {
  const FilterProgram program = Compile(WorkingPolicy());
  std::set<long> allowed;
  for (long number = -1; number < 0x11000; ++number) {
    for (const uint64_t fd : {3, 4, 5}) {
      if (Decide(program, number, {fd, 129, 3, fd == 3 ? 0x22U : 1U}) == SECCOMP_RET_ALLOW) allowed.insert(number);
    }
  }
  EXPECT_EQ(allowed, (std::set<long>{SYS_pread64, SYS_pwrite64, SYS_write, SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap,
                                     SYS_futex, SYS_exit_group, SYS_restart_syscall}));
  for (const uint32_t arch : std::array<uint32_t, 3>{AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM}) {
    for (long number = 0; number < 1024; ++number) {
      ASSERT_EQ(Decide(program, number, {3, 129, 3, 0x22}, arch), SECCOMP_RET_KILL_PROCESS) << number;
    }
  }
  for (long number = 0; number < 1024; ++number) {
    ASSERT_EQ(Decide(program, number | (1 << 30), {3, 129, 3, 0x22}), SECCOMP_RET_KILL_PROCESS) << number;
  }
}

TEST(FilterTest, ArgumentsCountInBothHalves) {
  const FilterProgram program = Compile(WorkingPolicy());
  constexpr uint64_t kHigh = uint64_t{1} << 32;
  EXPECT_EQ(Decide(program, SYS_write, {3}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Decide(program, SYS_write, {3 | kHigh}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Decide(program, SYS_mmap, {0, 4096, 3, 0x22, ~uint64_t{0}, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Decide(program, SYS_mmap, {0, 4096, 7, 0x22}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Decide(program, SYS_mmap, {0, 4096, 3, 0x22 | kHigh}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Decide(program, SYS_mmap, {0, 4096, 3, 0x22 | MAP_FIXED}), SECCOMP_RET_KILL_PROCESS);
}

TEST(FilterTest, WorkingCannotReceiveOrLoadFilters) {
  const FilterProgram working = Compile(WorkingPolicy());
  const FilterProgram idle = Compile(IdlePolicy());
  EXPECT_EQ(Decide(idle, SYS_recvmsg, {3}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Decide(idle, SYS_recvmsg, {4}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Decide(idle, SYS_seccomp, {1, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Decide(idle, SYS_seccomp, {1, 8}), SECCOMP_RET_KILL_PROCESS);
  for (const long number : {SYS_recvmsg, SYS_seccomp, SYS_prctl}) {
    EXPECT_EQ(Decide(working, number, {number == SYS_recvmsg ? 3U : 1U, 0}), SECCOMP_RET_KILL_PROCESS);
  }
}

// The other architecture that we build for, from this one: the same ten names under its own numbers.
TEST(FilterTest, TheSameTenNamesOnAarch64) {
  for (const auto policy : {WorkingPolicy(), IdlePolicy()}) {
    const auto proved = CompileFilter(policy, AUDIT_ARCH_AARCH64);
    ASSERT_TRUE(proved.ok()) << proved.error().step;
  }
  const auto program = CompileFilter(WorkingPolicy(), AUDIT_ARCH_AARCH64);
  std::set<long> allowed;
  for (long number = -1; number < 0x11000; ++number) {
    for (const uint64_t fd : {3, 4, 5}) {
      const std::array<uint64_t, 6> args = {fd, 129, 3, fd == 3 ? 0x22U : 1U};
      if (Decide(*program, number, args, AUDIT_ARCH_AARCH64) == SECCOMP_RET_ALLOW) allowed.insert(number);
      ASSERT_EQ(Decide(*program, number, args, AUDIT_ARCH_ARM), SECCOMP_RET_KILL_PROCESS) << number;
      ASSERT_EQ(Decide(*program, number, args, AUDIT_ARCH_X86_64), SECCOMP_RET_KILL_PROCESS) << number;
    }
  }
  // write, pread64, pwrite64, exit_group, futex, restart_syscall, brk, munmap, mremap, mmap: as asm-generic/unistd.h.
  EXPECT_EQ(allowed, (std::set<long>{64, 67, 68, 94, 98, 128, 214, 215, 216, 222}));
}

TEST(FilterProofTest, NoticesEveryMissingRowOnAarch64) {
  for (size_t i = 0; i < WorkingPolicy().size(); ++i) {
    Policy mutant(WorkingPolicy().begin(), WorkingPolicy().end());
    mutant.erase(mutant.begin() + static_cast<long>(i));
    const auto program = CompileUnproved(mutant, AUDIT_ARCH_AARCH64);
    ASSERT_TRUE(program.ok());
    EXPECT_FALSE(CheckFilter(*program, WorkingPolicy(), AUDIT_ARCH_AARCH64).ok()) << WorkingPolicy()[i].syscall;
  }
}

// What a later filter allows, the one that is inherited must allow too.
TEST(FilterTest, TheSpawnersFilterLeavesWorkersWhatTheyNeed) {
  const FilterProgram spawner = Compile(SpawnerPolicy());
  const FilterProgram idle = Compile(IdlePolicy());
  VisitTruthTable(IdlePolicy(), [&](const seccomp_data& call) {
    if (EvaluateBpf(idle, call) == SECCOMP_RET_ALLOW) {
      ASSERT_EQ(EvaluateBpf(spawner, call), SECCOMP_RET_ALLOW) << call.nr;
    }
  });
}

TEST(FilterProofTest, NoticesEveryMissingRowOfTheSpawner) {
  for (size_t i = 0; i < SpawnerPolicy().size(); ++i) {
    Policy mutant(SpawnerPolicy().begin(), SpawnerPolicy().end());
    mutant.erase(mutant.begin() + static_cast<long>(i));
    EXPECT_FALSE(CheckFilter(Compile(mutant), SpawnerPolicy()).ok()) << SpawnerPolicy()[i].syscall;
  }
}

TEST(FilterProofTest, NoticesEveryMissingRow) {
  for (size_t i = 0; i < IdlePolicy().size(); ++i) {
    Policy mutant(IdlePolicy().begin(), IdlePolicy().end());
    mutant.erase(mutant.begin() + static_cast<long>(i));
    EXPECT_FALSE(CheckFilter(Compile(mutant), IdlePolicy()).ok()) << IdlePolicy()[i].syscall;
  }
}

TEST(FilterProofTest, NoticesEveryMissingCheck) {
  for (size_t i = 0; i < IdlePolicy().size(); ++i) {
    for (size_t j = 0; j < IdlePolicy()[i].checks.size(); ++j) {
      Policy mutant(IdlePolicy().begin(), IdlePolicy().end());
      std::vector<ArgCheck> checks(mutant[i].checks.begin(), mutant[i].checks.end());
      checks.erase(checks.begin() + static_cast<long>(j));
      mutant[i].checks = checks;
      EXPECT_FALSE(CheckFilter(Compile(mutant), IdlePolicy()).ok()) << mutant[i].syscall << " " << j;
    }
  }
}

// A check on another argument, another value, the low half only, or its lowest bit let go.
TEST(FilterProofTest, NoticesEveryAlteredCheck) {
  const auto alter = [](size_t kind, ArgCheck check) {
    if (kind == 0) check.arg = (check.arg + 3) % 6;
    if (kind == 1) check.value ^= check.mask & -check.mask;
    if (kind == 2) check.value ^= uint64_t{1} << 63;
    if (kind == 3) check = {check.arg, Compare::kMaskedEqual, 0xffffffff, check.value & 0xffffffff, check.symbol};
    if (kind == 4) {
      const uint64_t mask = check.mask & ~(check.mask & -check.mask);
      check = {check.arg, Compare::kMaskedEqual, mask, check.value & mask, check.symbol};
    }
    return check;
  };
  for (size_t i = 0; i < IdlePolicy().size(); ++i) {
    for (size_t j = 0; j < IdlePolicy()[i].checks.size(); ++j) {
      for (size_t kind = 0; kind < 5; ++kind) {
        Policy mutant(IdlePolicy().begin(), IdlePolicy().end());
        std::vector<ArgCheck> checks(mutant[i].checks.begin(), mutant[i].checks.end());
        checks[j] = alter(kind, checks[j]);
        mutant[i].checks = checks;
        EXPECT_FALSE(CheckFilter(Compile(mutant), IdlePolicy()).ok()) << mutant[i].syscall << " " << j << " " << kind;
      }
    }
  }
}

TEST(FilterProofTest, NoticesEveryAddedCall) {
  const Policy base(WorkingPolicy().begin(), WorkingPolicy().end());
  for (const std::string_view name : {"open", "openat", "socket", "mprotect", "sendmsg", "close", "getpid", "execve"}) {
    Policy mutant = base;
    mutant.push_back({name, {}, "a mistake"});
    EXPECT_FALSE(CheckFilter(Compile(mutant), WorkingPolicy()).ok()) << name;
  }
  EXPECT_FALSE(CheckFilter(Compile(IdlePolicy()), WorkingPolicy()).ok());
}

// The weakest filter and every one-instruction corruption of the real one that changes what it returns.
TEST(FilterProofTest, NoticesCorruptedBytes) {
  const FilterProgram allow_all = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  EXPECT_FALSE(CheckFilter(allow_all, WorkingPolicy()).ok());
  EXPECT_FALSE(CheckFilter({}, WorkingPolicy()).ok());
  const FilterProgram program = Compile(WorkingPolicy());
  for (size_t i = 0; i < program.size(); ++i) {
    if (BPF_CLASS(program[i].code) != BPF_RET) continue;
    FilterProgram corrupt = program;
    corrupt[i].k = corrupt[i].k == SECCOMP_RET_ALLOW ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ALLOW;
    EXPECT_FALSE(CheckFilter(corrupt, WorkingPolicy()).ok()) << i;
  }
}

TEST(FilterTest, AnUnknownNameIsAnError) {
  const PolicyRow row{"no_such_call", {}, "never"};
  const auto program = CompileFilter({&row, 1});
  ASSERT_FALSE(program.ok());
  EXPECT_NE(program.error().step.find("no_such_call"), std::string::npos);
}

}  // namespace
}  // namespace airlock::walls
