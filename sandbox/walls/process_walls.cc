#include "sandbox/walls/process_walls.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace airlock::walls {
namespace {

// Linux 6.3; Debian 12's headers do not have them.
constexpr int kPrSetMdwe = 65;
constexpr unsigned long kMdweRefuseExecGain = 1;
// Linux 5.14.
constexpr int kPrSchedCore = 62;
constexpr unsigned long kSchedCoreCreate = 1;

// Whether the CPU's misfeature is off, or was never there.
bool SpeculationIsOff(unsigned long misfeature) {
  const int state = prctl(PR_GET_SPECULATION_CTRL, misfeature, 0, 0, 0);
  if (state < 0) return false;
  return state == PR_SPEC_NOT_AFFECTED || (state & (PR_SPEC_DISABLE | PR_SPEC_FORCE_DISABLE)) != 0;
}

bool CapabilitiesAreEmpty() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  for (const auto& half : data) {
    if ((half.effective | half.permitted | half.inheritable) != 0) return false;
  }
  return true;
}

}  // namespace

WallResult BecomeNonDumpable() {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return WallFailure("PR_SET_DUMPABLE", errno);
  return {};
}

WallResult DieWithParent(pid_t expected_parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return WallFailure("PR_SET_PDEATHSIG", errno);
  if (getppid() != expected_parent) return WallFailure("parent is gone", ESRCH);
  return {};
}

WallResult DropUser() {
  if (geteuid() != 0 && getuid() != 0) return {};
  if (setgroups(0, nullptr) != 0) return WallFailure("setgroups", errno);
  if (setresgid(kNobody, kNobody, kNobody) != 0) return WallFailure("setresgid nobody", errno);
  if (setresuid(kNobody, kNobody, kNobody) != 0) return WallFailure("setresuid nobody", errno);
  return {};
}

WallResult BecomeUser(uid_t user) {
  if (setresgid(user, user, user) != 0) return WallFailure("users: setresgid", errno);
  if (setresuid(user, user, user) != 0) return WallFailure("users: setresuid", errno);
  return {};
}

WallResult BecomeChangerOfUsers(uid_t user) {
  if (setgroups(0, nullptr) != 0) return WallFailure("users: setgroups", errno);
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return WallFailure("users: PR_SET_KEEPCAPS", errno);
  AIRLOCK_TRY(BecomeUser(user));
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  constexpr uint32_t kChange = 1U << CAP_SETUID | 1U << CAP_SETGID;
  const __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{{kChange, kChange, 0}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, data) != 0) return WallFailure("users: capset", errno);
  return {};
}

WallResult DropCapabilities() {
  // The bounding set takes CAP_SETPCAP to drop and matters only to who can gain privileges: best effort.
  for (unsigned long capability = 0; capability < 64; ++capability) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return WallFailure("PR_CAP_AMBIENT", errno);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capset, &header, none) != 0) return WallFailure("capset", errno);
  if (!CapabilitiesAreEmpty()) return WallFailure("capget", EPERM);
  return {};
}

WallResult ForbidNewPrivileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return WallFailure("PR_SET_NO_NEW_PRIVS", errno);
  return {};
}

WallResult DenyWriteExecute() {
  if (prctl(kPrSetMdwe, kMdweRefuseExecGain, 0, 0, 0) != 0) return WallFailure("PR_SET_MDWE", errno);
  return {};
}

// Each for itself: where one cannot be switched off, the other still is.
WallResult DisableSpeculation() {
  bool all_off = true;
  for (const unsigned long misfeature : {PR_SPEC_STORE_BYPASS, PR_SPEC_INDIRECT_BRANCH}) {
    prctl(PR_SET_SPECULATION_CTRL, misfeature, PR_SPEC_FORCE_DISABLE, 0, 0);
    all_off = SpeculationIsOff(misfeature) && all_off;
  }
  if (!all_off) return WallFailure("PR_SET_SPECULATION_CTRL", ENXIO);
  return {};
}

WallResult TakeOwnCore() {
  if (prctl(kPrSchedCore, kSchedCoreCreate, 0, 0, 0) != 0 && errno != ENODEV) {
    return WallFailure("PR_SCHED_CORE", errno);
  }
  return {};
}

}  // namespace airlock::walls
