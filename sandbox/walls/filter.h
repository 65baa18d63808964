// From the policy table to the bytes that the kernel takes. Runs in the broker, at start, and in tests; libseccomp
// stays out of the worker.
#pragma once

#include <linux/filter.h>

#include <span>
#include <string>
#include <vector>

#include "sandbox/base/expected.h"
#include "sandbox/walls/filter_check.h"
#include "sandbox/walls/seccomp_policy.h"

namespace airlock::walls {

struct FilterError {
  std::string step;  // what was tried: "seccomp_rule_add futex"
  int error_number = 0;
};

using FilterProgram = std::vector<sock_filter>;

// Compiles `policy` for `arch` (AUDIT_ARCH_*) and proves the result (filter_check.h). A filter that is not exactly the
// policy is an error, never a weaker filter.
Expected<FilterProgram, FilterError> CompileFilter(std::span<const PolicyRow> policy, uint32_t arch = NativeArch());

// Without the proof: for tests of the proof.
Expected<FilterProgram, FilterError> CompileUnproved(std::span<const PolicyRow> policy, uint32_t arch = NativeArch());

}  // namespace airlock::walls
