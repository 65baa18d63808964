// A range of user ids, each with the group id of the same number, that workers are given one of each. The first is the
// spawner's own.
#pragma once

#include <bit>
#include <cstdint>

namespace airlock::walls {

// Plain data: travels in the sealed set-up.
struct UserRange {
  uint32_t base = 0;
  uint32_t count = 0;  // 0: no range; workers are nobody, or whoever started the daemon

  bool Contains(uint32_t id) const { return id >= base && id - base < count; }
};

// Below are root, the system's and people's own users, those that service managers hand out (61184 to 65519), nobody
// (65534) and the number that 16 bits have for "no user".
inline constexpr uint32_t kLowestOwnUser = 65536;
// Above are numbers that are negative to some programs.
inline constexpr uint32_t kHighestOwnUser = 0x7ffffffe;
inline constexpr uint32_t kMostOwnUsers = 65536;

// Whether it can be used. `count` is a power of two and `base` a multiple of it, so that the spawner's filter, which
// knows equality alone, can say exactly that no other user is ever changed to.
constexpr bool IsUsable(const UserRange& range) {
  return range.count >= 2 && range.count <= kMostOwnUsers && std::has_single_bit(range.count) &&
         range.base % range.count == 0 && range.base >= kLowestOwnUser && range.base <= kHighestOwnUser &&
         range.count - 1 <= kHighestOwnUser - range.base;
}

}  // namespace airlock::walls
