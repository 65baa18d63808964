// What a seccomp filter does with a system call, computed here instead of by the kernel: so that a filter is tested as
// data, for calls that no test could survive. Total: any program ends, with an error if it is not well formed.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <span>

namespace airlock::walls {

// The value that the program returns (SECCOMP_RET_*), or nothing if the kernel would not accept it: unknown
// instruction, load outside seccomp_data or misaligned, jump past the end, no return.
std::optional<uint32_t> EvaluateBpf(std::span<const sock_filter> program, const seccomp_data& call);

}  // namespace airlock::walls
