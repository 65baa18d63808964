#include "sandbox/walls/landlock.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace airlock::walls {
namespace {

// Our own, because Debian 12's header ends at ABI 2.
struct RulesetAttributes {
  uint64_t handled_access_fs = 0;
  uint64_t handled_access_net = 0;
  uint64_t scoped = 0;
};
constexpr uint32_t kCreateRulesetVersion = 1;

// What each ABI added.
struct AbiRow {
  uint32_t abi;
  uint64_t fs;
  uint64_t net;
  uint64_t scoped;
};
constexpr AbiRow kAbis[] = {
    {1, 0x1fff, 0, 0},   // execute, write, read, list, remove and make files of each kind
    {2, 1 << 13, 0, 0},  // link and rename across directories
    {3, 1 << 14, 0, 0},  // truncate
    {4, 0, 0b11, 0},     // bind and connect TCP
    {5, 1 << 15, 0, 0},  // ioctl of devices
    {6, 0, 0, 0b11},     // abstract unix sockets, signals
};
constexpr uint32_t kNetAbi = 4;
constexpr uint32_t kScopeAbi = 6;

// Older kernels refuse a larger structure only if it has bits set, but be exact.
size_t SizeFor(uint32_t abi) {
  if (abi < kNetAbi) return offsetof(RulesetAttributes, handled_access_net);
  if (abi < kScopeAbi) return offsetof(RulesetAttributes, scoped);
  return sizeof(RulesetAttributes);
}

}  // namespace

uint32_t LandlockAbi() {
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, kCreateRulesetVersion);
  return abi > 0 ? static_cast<uint32_t>(abi) : 0;
}

Expected<uint32_t, WallError> EnterLandlock() {
  const uint32_t abi = LandlockAbi();
  if (abi == 0) return WallFailure("landlock_create_ruleset version", errno);
  RulesetAttributes attributes;
  for (const AbiRow& row : kAbis) {
    if (row.abi > abi) break;
    attributes.handled_access_fs |= row.fs;
    attributes.handled_access_net |= row.net;
    attributes.scoped |= row.scoped;
  }
  const long ruleset = syscall(SYS_landlock_create_ruleset, &attributes, SizeFor(abi), 0);
  if (ruleset < 0) return WallFailure("landlock_create_ruleset", errno);
  const long result = syscall(SYS_landlock_restrict_self, ruleset, 0);
  const int error_number = errno;
  close(static_cast<int>(ruleset));
  if (result != 0) return WallFailure("landlock_restrict_self", error_number);
  return abi;
}

}  // namespace airlock::walls
