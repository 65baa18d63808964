#include "sandbox/walls/landlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#include "sandbox/base/fd.h"

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

// What a Place grants, as bits of handled_access_fs.
constexpr uint64_t kReadRights = 0b1100;  // files, directories
constexpr uint64_t kWriteRights =
    0x2 | 0x20 | 0x100 | 0x200 | 1 << 14;             // write, remove and make files, make sockets, truncate
constexpr uint64_t kGroupRights = 0x2 | 0x10 | 0x80;  // write files, remove and make directories
constexpr uint64_t kTidyRights = 0x10;                // remove directories
constexpr uint64_t kFileRights = 0b111 | 1 << 14;     // of what is no directory
constexpr uint64_t kBindTcp = 1;

constexpr int kPathBeneath = 1;
struct __attribute__((packed)) PathRule {
  uint64_t allowed_access;
  int32_t parent_fd;
};
constexpr int kNetPort = 2;
struct PortRule {
  uint64_t allowed_access;
  uint64_t port;
};

// Older kernels refuse a larger structure only if it has bits set, but be exact.
size_t SizeFor(uint32_t abi) {
  if (abi < kNetAbi) return offsetof(RulesetAttributes, handled_access_net);
  if (abi < kScopeAbi) return offsetof(RulesetAttributes, scoped);
  return sizeof(RulesetAttributes);
}

// Everything that the ABI can deny.
RulesetAttributes AttributesOf(uint32_t abi) {
  RulesetAttributes attributes;
  for (const AbiRow& row : kAbis) {
    if (row.abi > abi) break;
    attributes.handled_access_fs |= row.fs;
    attributes.handled_access_net |= row.net;
    attributes.scoped |= row.scoped;
  }
  return attributes;
}

}  // namespace

uint32_t LandlockAbi() {
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, kCreateRulesetVersion);
  return abi > 0 ? static_cast<uint32_t>(abi) : 0;
}

namespace {

// Takes the ruleset over.
Expected<uint32_t, WallError> Enter(Fd ruleset, uint32_t abi) {
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return WallFailure("landlock_restrict_self", errno);
  return abi;
}

Expected<Fd, WallError> CreateRuleset(const RulesetAttributes& attributes, uint32_t abi) {
  Fd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, SizeFor(abi), 0)));
  if (!ruleset) return WallFailure("landlock_create_ruleset", errno);
  return ruleset;
}

uint64_t RightsOf(Access access) {
  switch (access) {
    case Access::kRead:
      return kReadRights;
    case Access::kReadWrite:
      return kReadRights | kWriteRights;
    case Access::kGroups:
      return kReadRights | kGroupRights;
    case Access::kTidy:
      return kTidyRights;
  }
  return 0;  // no such access: nothing
}

WallResult AddPlace(int ruleset, const Place& place, uint64_t handled) {
  const Fd parent(open(place.path, O_PATH | O_CLOEXEC));
  if (!parent) return {};  // what is not there needs no right
  struct stat info {};
  if (fstat(parent.get(), &info) != 0) return WallFailure("fstat of a place", errno);
  uint64_t access = handled & RightsOf(place.access);
  if (!S_ISDIR(info.st_mode)) access &= kFileRights;
  const PathRule rule{access, parent.get()};
  if (syscall(SYS_landlock_add_rule, ruleset, kPathBeneath, &rule, 0) != 0) {
    return WallFailure("landlock_add_rule", errno);
  }
  return {};
}

WallResult AddPort(int ruleset, uint16_t port) {
  const PortRule rule{kBindTcp, port};
  if (syscall(SYS_landlock_add_rule, ruleset, kNetPort, &rule, 0) != 0) return WallFailure("landlock_add_rule", errno);
  return {};
}

}  // namespace

Expected<uint32_t, WallError> EnterLandlock() {
  const uint32_t abi = LandlockAbi();
  if (abi == 0) return WallFailure("landlock_create_ruleset version", errno);
  AIRLOCK_ASSIGN(Fd ruleset, CreateRuleset(AttributesOf(abi), abi));
  return Enter(std::move(ruleset), abi);
}

Expected<uint32_t, WallError> EnterLandlockWith(std::span<const Place> places, std::span<const uint16_t> tcp_ports) {
  const uint32_t abi = LandlockAbi();
  if (abi == 0) return WallFailure("landlock_create_ruleset version", errno);
  RulesetAttributes attributes = AttributesOf(abi);
  attributes.scoped = 0;
  AIRLOCK_ASSIGN(Fd ruleset, CreateRuleset(attributes, abi));
  for (const Place& place : places) AIRLOCK_TRY(AddPlace(ruleset.get(), place, attributes.handled_access_fs));
  if (abi >= kNetAbi) {
    for (const uint16_t port : tcp_ports) AIRLOCK_TRY(AddPort(ruleset.get(), port));
  }
  return Enter(std::move(ruleset), abi);
}

}  // namespace airlock::walls
