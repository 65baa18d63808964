#include "tests/hostile/attack_layers.h"

namespace airlock::hostile {
namespace {

constexpr uint64_t kFds = kDescriptors;
constexpr uint64_t kDump = walls::kNonDumpable;
// Who is a user of its own is not root either.
constexpr uint64_t kUser = walls::kNoCapabilities | walls::kOwnUser;
constexpr uint64_t kOwn = walls::kOwnUser;
constexpr uint64_t kNnp = walls::kNoNewPrivs;
constexpr uint64_t kMdwe = walls::kDenyWriteExecute;
constexpr uint64_t kRlim = walls::kRlimits;
constexpr uint64_t kUns = walls::kUserNamespace;
constexpr uint64_t kPid = walls::kPidNamespace;
constexpr uint64_t kIpc = walls::kIpcNamespace;
constexpr uint64_t kUts = walls::kUtsNamespace;
constexpr uint64_t kMnt = walls::kMountNamespace;
constexpr uint64_t kNet = walls::kNetNamespace;
constexpr uint64_t kLock = walls::kLandlock;
constexpr uint64_t kFilter = walls::kSeccomp;

constexpr uint64_t kNamespaces = kUns | kPid | kIpc | kUts | kMnt | kNet;

constexpr AttackLayers kRows[] = {
#define AIRLOCK_ATTACK(attack, alone, landlock_abi) {attack, alone, landlock_abi},
#include "tests/hostile/attack_layers.def"
#undef AIRLOCK_ATTACK
};

}  // namespace

std::span<const AttackLayers> AllAttackLayers() { return kRows; }

uint64_t LayersThatStop(uint32_t attack) { return LayersThatStop(attack, ~uint32_t{0}); }

uint64_t LayersThatStop(uint32_t attack, uint32_t landlock_abi) {
  for (const AttackLayers& row : kRows) {
    if (row.attack == attack) return landlock_abi < row.landlock_abi ? row.alone & ~uint64_t{kLock} : row.alone;
  }
  return 0;
}

}  // namespace airlock::hostile
