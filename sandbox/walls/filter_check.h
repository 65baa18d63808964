// The proof of a filter: its bytes are evaluated over a truth table that follows from the policy, in both directions.
// Covers every system call number from 0 to 1023 and some beyond, foreign architectures, x32, and for each row every
// descriptor that a worker can have and every argument perturbed in each half and in single bits. Independent of the
// compiler of the filter.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <functional>
#include <span>
#include <string>

#include "sandbox/base/expected.h"
#include "sandbox/walls/seccomp_policy.h"

namespace airlock::walls {

// The architecture that this build is for, AUDIT_ARCH_*.
uint32_t NativeArch();

// What the policy itself says of a process of `arch`, without any filter.
bool PolicyAllows(std::span<const PolicyRow> policy, const seccomp_data& call, uint32_t arch = NativeArch());

// The calls of the truth table, one after the other: it is never in memory as a whole.
using CallVisitor = std::function<void(const seccomp_data& call)>;
void VisitTruthTable(std::span<const PolicyRow> policy, const CallVisitor& visit, uint32_t arch = NativeArch());

// The error is the first call that the filter decides otherwise than the policy, in words.
Expected<void, std::string> CheckFilter(std::span<const sock_filter> program, std::span<const PolicyRow> policy,
                                        uint32_t arch = NativeArch());

}  // namespace airlock::walls
