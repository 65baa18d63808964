#include "sandbox/walls/layers.h"

#include <array>

namespace airlock::walls {
namespace {

constexpr std::string_view kUsernsRemedy =
    "allow unprivileged user namespaces to airlock-worker: an AppArmor profile with `userns,` (deploy/apparmor), "
    "kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0; containers and chroots forbid them";

constexpr std::string_view kGroupRemedy =
    "a cgroup of version 2 that is the daemon's alone: Delegate=memory pids in its unit, with the controllers not in "
    "use "
    "by version 1";

constexpr std::array kLayers = {
    LayerRow{kNonDumpable, "non-dumpable",
             "core dumps of model bytes, ptrace and /proc/PID/mem by processes of the same user",
             "none needed: every Linux has it"},
    LayerRow{kParentDeathSignal, "parent-death-signal", "workers that outlive the broker",
             "none needed: every Linux has it"},
    LayerRow{kNoCapabilities, "no-capabilities", "every privilege of root", "none needed: every Linux has it"},
    LayerRow{kNoNewPrivs, "no-new-privs", "privileges from set-user-ID programs", "none needed: every Linux has it"},
    LayerRow{kDenyWriteExecute, "deny-write-execute", "memory that is first written and then executed",
             "Linux 6.3 or later"},
    LayerRow{kNoSpeculation, "no-speculation", "reading other processes through store bypass and indirect branches",
             "boot without spec_store_bypass_disable=off and spectre_v2_user=off"},
    LayerRow{kRlimits, "rlimits", "taking the machine's memory, CPU time, descriptors and processes",
             "raise the hard limits of the service above those of a load"},
    LayerRow{kUserNamespace, "user-namespace", "identities and capabilities of the host", kUsernsRemedy},
    LayerRow{kPidNamespace, "pid-namespace", "seeing and signalling other processes", kUsernsRemedy},
    LayerRow{kIpcNamespace, "ipc-namespace", "System V and POSIX message queues of the host", kUsernsRemedy},
    LayerRow{kUtsNamespace, "uts-namespace", "reading or setting the host's name", kUsernsRemedy},
    LayerRow{kMountNamespace, "mount-namespace", "every file of the host: the root is empty and read-only",
             kUsernsRemedy},
    LayerRow{kNetNamespace, "net-namespace", "every network, abstract unix sockets of the host", kUsernsRemedy},
    LayerRow{kLandlock, "landlock",
             "opening files, TCP, signals and abstract unix sockets, should the filter have a hole",
             "Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK and `landlock` among the lsm= of the boot line"},
    LayerRow{kSeccomp, "seccomp", "every system call but ten", "a kernel with CONFIG_SECCOMP_FILTER; gVisor's counts"},
    LayerRow{kOwnCore, "own-core", "sharing a processor core with other processes at the same moment",
             "Linux 5.14 or later with CONFIG_SCHED_CORE"},
    LayerRow{kOwnUser, "own-user", "signals, traces and files between workers: each is another user",
             "start the daemon as root with --worker-uids"},
    LayerRow{kMemoryGroup, "memory-group", "taking more memory than a load may, in any form, the output included",
             kGroupRemedy},
    LayerRow{kPidsGroup, "pids-group", "a second process or thread", kGroupRemedy},
};

constexpr uint64_t kFilterOnlyLayers =
    kNonDumpable | kParentDeathSignal | kNoCapabilities | kNoNewPrivs | kRlimits | kSeccomp;
constexpr uint64_t kNestedLayers = kFilterOnlyLayers | kLandlock;
constexpr uint64_t kFullLayers =
    kNestedLayers | kUserNamespace | kPidNamespace | kIpcNamespace | kUtsNamespace | kMountNamespace | kNetNamespace;

}  // namespace

std::span<const LayerRow> Layers() { return kLayers; }

uint64_t RequiredLayers(Posture posture) {
  switch (posture) {
    case Posture::kFull:
      return kFullLayers;
    case Posture::kNested:
      return kNestedLayers;
    case Posture::kFilterOnly:
      return kFilterOnlyLayers;
    case Posture::kNone:
      return 0;
  }
  return ~uint64_t{0};  // no such posture: nothing amounts to it
}

Posture PostureOf(uint64_t layers) {
  for (const Posture posture : {Posture::kFull, Posture::kNested, Posture::kFilterOnly}) {
    const uint64_t required = RequiredLayers(posture);
    if ((layers & required) == required) return posture;
  }
  return Posture::kNone;
}

std::string_view PostureName(Posture posture) {
  switch (posture) {
    case Posture::kFull:
      return "full";
    case Posture::kNested:
      return "nested";
    case Posture::kFilterOnly:
      return "filter-only";
    case Posture::kNone:
      return "none";
  }
  return "none";
}

}  // namespace airlock::walls
