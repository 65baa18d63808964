#include "sandbox/walls/filter_check.h"

#include <linux/audit.h>
#include <seccomp.h>

#include <cstdio>
#include <optional>
#include <vector>

#include "sandbox/walls/bpf_evaluator.h"

namespace airlock::walls {
namespace {

constexpr int kNumbers = 1024;
// Beyond the table of any kernel: -1 is what a tracer sets to skip a call, 1 << 30 marks x32.
constexpr uint32_t kX32Bit = uint32_t{1} << 30;
constexpr uint32_t kOddNumbers[] = {0xffff,     0x10000,    0x3fffffff, kX32Bit,
                                    0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
constexpr uint32_t kArches[] = {
    AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, AUDIT_ARCH_RISCV64, AUDIT_ARCH_S390X, 0,
    0xffffffff};
constexpr uint64_t kOddArguments[] = {0, 1, 3, 4, 5, 7, 0x22, 0x81, 0xffffffff, uint64_t{1} << 32, ~uint64_t{0}};
constexpr uint32_t kArguments = 6;
// Descriptors, first arguments of most calls: each one that a worker can have, and as many that it cannot.
constexpr uint64_t kDescriptors = 512;

int NumberOf(const PolicyRow& row, uint32_t arch) {
  return seccomp_syscall_resolve_name_arch(arch, std::string(row.syscall).c_str());
}

seccomp_data CallOf(uint32_t number, uint32_t arch) {
  seccomp_data call{};
  call.nr = static_cast<int>(number);
  call.arch = arch;
  return call;
}

bool CheckHolds(const ArgCheck& check, const seccomp_data& call) {
  const uint64_t mask = check.compare == Compare::kEqual ? ~uint64_t{0} : check.mask;
  return (call.args[check.arg] & mask) == (check.value & mask);
}

// A call that the row allows, where `arch` is that of the filter.
seccomp_data GoodCall(const PolicyRow& row, int number, uint32_t arch) {
  seccomp_data call = CallOf(static_cast<uint32_t>(number), arch);
  for (const ArgCheck& check : row.checks) call.args[check.arg] = check.value;
  return call;
}

// The good call with one argument changed: to odd values, and by each single bit.
void VisitPerturbed(const seccomp_data& good, const CallVisitor& visit) {
  for (uint32_t arg = 0; arg < kArguments; ++arg) {
    seccomp_data call = good;
    for (const uint64_t value : kOddArguments) {
      call.args[arg] = value;
      visit(call);
    }
    for (uint32_t bit = 0; bit < 64; ++bit) {
      call.args[arg] = good.args[arg] ^ (uint64_t{1} << bit);
      visit(call);
    }
  }
}

// A row's call on every descriptor.
void VisitDescriptors(const seccomp_data& good, const CallVisitor& visit) {
  seccomp_data call = good;
  for (uint64_t fd = 0; fd < kDescriptors; ++fd) {
    call.args[0] = fd;
    visit(call);
  }
}

// Every argument alike, so that calls without a row are tried with what other rows allow.
void VisitUniform(uint32_t number, uint32_t arch, const CallVisitor& visit) {
  for (const uint64_t value : kOddArguments) {
    seccomp_data call = CallOf(number, arch);
    for (auto& arg : call.args) arg = value;
    visit(call);
  }
}

std::string Describe(const seccomp_data& call, std::optional<uint32_t> action) {
  char text[200];
  std::snprintf(text, sizeof(text), "arch %08x number %d args %llx %llx %llx %llx %llx %llx: filter says %08x",
                call.arch, call.nr, call.args[0], call.args[1], call.args[2], call.args[3], call.args[4], call.args[5],
                action.value_or(0xdeadbeef));
  return text;
}

}  // namespace

uint32_t NativeArch() {
#if defined(__x86_64__)
  return AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  return AUDIT_ARCH_AARCH64;
#else
#error "no filter for this architecture"
#endif
}

bool PolicyAllows(std::span<const PolicyRow> policy, const seccomp_data& call, uint32_t arch) {
  if (call.arch != arch) return false;
  for (const PolicyRow& row : policy) {
    if (NumberOf(row, arch) != call.nr) continue;
    bool holds = true;
    for (const ArgCheck& check : row.checks) holds = holds && CheckHolds(check, call);
    if (holds) return true;
  }
  return false;
}

void VisitTruthTable(std::span<const PolicyRow> policy, const CallVisitor& visit, uint32_t arch) {
  for (const uint32_t each : kArches) {
    const bool own = each == arch;
    for (uint32_t number = 0; number < kNumbers; ++number) {
      if (own) VisitUniform(number, each, visit);
      visit(CallOf(number, each));
      visit(CallOf(number | kX32Bit, each));
    }
    for (const uint32_t number : kOddNumbers) VisitUniform(number, each, visit);
    for (const PolicyRow& row : policy) {
      seccomp_data good = GoodCall(row, NumberOf(row, arch), each);
      visit(good);
      if (own) VisitPerturbed(good, visit);
      if (own) VisitDescriptors(good, visit);
      good.nr = static_cast<int>(static_cast<uint32_t>(good.nr) | kX32Bit);
      visit(good);
    }
  }
}

Expected<void, std::string> CheckFilter(std::span<const sock_filter> program, std::span<const PolicyRow> policy,
                                        uint32_t arch) {
  // Names resolve to the same numbers all along: look them up once.
  std::vector<int> numbers;
  for (const PolicyRow& row : policy) numbers.push_back(NumberOf(row, arch));
  std::optional<std::string> mismatch;
  const auto check = [&](const seccomp_data& call) {
    bool allowed = false;
    for (size_t i = 0; i < policy.size(); ++i) {
      if (numbers[i] == call.nr) allowed = allowed || PolicyAllows(policy.subspan(i, 1), call, arch);
    }
    const std::optional<uint32_t> action = EvaluateBpf(program, call);
    const uint32_t expected = allowed ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS;
    if (action != expected && !mismatch) mismatch = Describe(call, action);
  };
  VisitTruthTable(policy, check, arch);
  if (mismatch) return Unexpected<std::string>{*std::move(mismatch)};
  return {};
}

}  // namespace airlock::walls
