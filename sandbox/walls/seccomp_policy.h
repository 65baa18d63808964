// The policy table: the system calls that a worker may make, with which arguments, and why. Everything not in it kills
// the process. Compiled by filter.h, printed by `airlock policy`, proved by filter_check.h.
//
// Only equality of whole 64-bit arguments, plain or under a mask: libseccomp 2.5.4 weakens filters that mix ranges on
// one argument (GHSA-4q85-33p6-j5g6), and equality is all that is needed.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/walls/user_range.h"

namespace airlock::walls {

enum class Compare : uint8_t { kEqual, kMaskedEqual };

// One condition on one argument. `symbol` is the condition as a reader wants it: "fd == 4".
struct ArgCheck {
  uint32_t arg = 0;  // 0 to 5
  Compare compare = Compare::kEqual;
  uint64_t mask = ~uint64_t{0};  // for kMaskedEqual
  uint64_t value = 0;
  std::string_view symbol;
};

// One allowed system call; all checks must hold. Rows of the same call are alternatives and stand together.
struct PolicyRow {
  std::string_view syscall;  // as in the kernel's table; resolved for the machine that runs
  std::span<const ArgCheck> checks;
  std::string_view why;
};

// Filter 2: while hostile bytes are decoded. Ten names.
std::span<const PolicyRow> WorkingPolicy();
// Filter 1: while waiting for work. Filter 2 and what it takes to receive the work and to load filter 2.
std::span<const PolicyRow> IdlePolicy();

// The spawner's, once it has settled: what it takes to make workers, and what a worker calls from its birth to its idle
// filter. Workers inherit it.
std::span<const PolicyRow> SpawnerPolicy();

// What the spawner's policy has besides where workers have users of their own: to become one of these, and nobody else.
// Not movable: rows point at checks.
class UserChangePolicy {
 public:
  // REQUIRES: IsUsable(users), or no rows are looked at.
  explicit UserChangePolicy(const UserRange& users);
  UserChangePolicy(const UserChangePolicy&) = delete;
  UserChangePolicy& operator=(const UserChangePolicy&) = delete;

  std::span<const PolicyRow> rows() const { return rows_; }

 private:
  std::array<ArgCheck, 3> checks_;
  std::array<PolicyRow, 2> rows_;
};

// The checks in words, joined by " and "; empty where any arguments will do.
std::string DescribeChecks(const PolicyRow& row);

// What a policy says of one call: its rows' checks joined by " or ".
struct CallText {
  std::string_view syscall;
  std::string check;
  std::string_view why;
};
std::vector<CallText> DescribeCalls(std::span<const PolicyRow> policy);

}  // namespace airlock::walls
