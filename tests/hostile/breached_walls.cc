// The walls of airlock-worker-breached. The linker puts these functions in the place of those of sandbox/walls
// (--wrap): each does what the real one does, unless the test wants the wall left out. Nothing else of the program is
// changed, and nothing of this is in the program that ships.
#include <unistd.h>

#include <optional>

#include "sandbox/spawner/control.h"
#include "sandbox/spawner/worker_setup.h"
#include "sandbox/walls/filter_load.h"
#include "sandbox/walls/landlock.h"
#include "sandbox/walls/layers.h"
#include "sandbox/walls/namespaces.h"
#include "sandbox/walls/process_walls.h"
#include "sandbox/walls/rlimits.h"

namespace airlock::walls {
namespace {

// Also how a test finds this program where it must not be.
__attribute__((used)) const char kMark[] = "AIRLOCK-BREACHED: a worker for tests, with walls that can be left out";

uint64_t WallsToRaise() {
  // Asked for the first time while the set-up is still open.
  static const uint64_t mask = [] {
    uint64_t word = 0;
    const ssize_t size = pread(spawner::kSetupFd, &word, sizeof(word), sizeof(spawner::WorkerSetup));
    return size == sizeof(word) ? word : ~uint64_t{0};
  }();
  return mask;
}

bool IsUp(uint64_t layer) { return (WallsToRaise() & layer) != 0; }

}  // namespace

WallResult RealBecomeNonDumpable() asm("__real__ZN7airlock5walls17BecomeNonDumpableEv");
WallResult WrapBecomeNonDumpable() asm("__wrap__ZN7airlock5walls17BecomeNonDumpableEv");
WallResult WrapBecomeNonDumpable() { return IsUp(kNonDumpable) ? RealBecomeNonDumpable() : WallResult(); }

WallResult RealDieWithParent(pid_t parent) asm("__real__ZN7airlock5walls13DieWithParentEi");
WallResult WrapDieWithParent(pid_t parent) asm("__wrap__ZN7airlock5walls13DieWithParentEi");
WallResult WrapDieWithParent(pid_t parent) {
  return IsUp(kParentDeathSignal) ? RealDieWithParent(parent) : WallResult();
}

WallResult RealDropUser() asm("__real__ZN7airlock5walls8DropUserEv");
WallResult WrapDropUser() asm("__wrap__ZN7airlock5walls8DropUserEv");
WallResult WrapDropUser() { return IsUp(kNoCapabilities) ? RealDropUser() : WallResult(); }

// Without it root is who it is in its user namespace too.
UserRange RealUsersOfRoot() asm("__real__ZN7airlock5walls11UsersOfRootEv");
UserRange WrapUsersOfRoot() asm("__wrap__ZN7airlock5walls11UsersOfRootEv");
UserRange WrapUsersOfRoot() { return IsUp(kNoCapabilities) ? RealUsersOfRoot() : UserRange{}; }

WallResult RealDropCapabilities() asm("__real__ZN7airlock5walls16DropCapabilitiesEv");
WallResult WrapDropCapabilities() asm("__wrap__ZN7airlock5walls16DropCapabilitiesEv");
WallResult WrapDropCapabilities() { return IsUp(kNoCapabilities) ? RealDropCapabilities() : WallResult(); }

// Landlock and filters ask for it, of everybody but root.
WallResult RealForbidNewPrivileges() asm("__real__ZN7airlock5walls19ForbidNewPrivilegesEv");
WallResult WrapForbidNewPrivileges() asm("__wrap__ZN7airlock5walls19ForbidNewPrivilegesEv");
WallResult WrapForbidNewPrivileges() {
  return IsUp(kNoNewPrivs | kLandlock | kSeccomp) ? RealForbidNewPrivileges() : WallResult();
}

WallResult RealDenyWriteExecute() asm("__real__ZN7airlock5walls16DenyWriteExecuteEv");
WallResult WrapDenyWriteExecute() asm("__wrap__ZN7airlock5walls16DenyWriteExecuteEv");
WallResult WrapDenyWriteExecute() { return IsUp(kDenyWriteExecute) ? RealDenyWriteExecute() : WallResult(); }

WallResult RealDisableSpeculation() asm("__real__ZN7airlock5walls18DisableSpeculationEv");
WallResult WrapDisableSpeculation() asm("__wrap__ZN7airlock5walls18DisableSpeculationEv");
WallResult WrapDisableSpeculation() { return IsUp(kNoSpeculation) ? RealDisableSpeculation() : WallResult(); }

WallResult RealTakeOwnCore() asm("__real__ZN7airlock5walls11TakeOwnCoreEv");
WallResult WrapTakeOwnCore() asm("__wrap__ZN7airlock5walls11TakeOwnCoreEv");
WallResult WrapTakeOwnCore() { return IsUp(kOwnCore) ? RealTakeOwnCore() : WallResult(); }

WallResult RealApplyRlimits(const ResourceLimits& limits) asm(
    "__real__ZN7airlock5walls12ApplyRlimitsERKNS0_14ResourceLimitsE");
WallResult WrapApplyRlimits(const ResourceLimits& limits) asm(
    "__wrap__ZN7airlock5walls12ApplyRlimitsERKNS0_14ResourceLimitsE");
WallResult WrapApplyRlimits(const ResourceLimits& limits) {
  return IsUp(kRlimits) ? RealApplyRlimits(limits) : WallResult();
}

Expected<uint32_t, WallError> RealEnterLandlock() asm("__real__ZN7airlock5walls13EnterLandlockEv");
Expected<uint32_t, WallError> WrapEnterLandlock() asm("__wrap__ZN7airlock5walls13EnterLandlockEv");
Expected<uint32_t, WallError> WrapEnterLandlock() {
  return IsUp(kLandlock) ? RealEnterLandlock() : Expected<uint32_t, WallError>(WallFailure("left out", 0));
}

using Program = std::span<const sock_filter>;
WallResult RealLoadFilter(Program program) asm(
    "__real__ZN7airlock5walls10LoadFilterESt4spanIK11sock_filterLm18446744073709551615EE");
WallResult WrapLoadFilter(Program program) asm(
    "__wrap__ZN7airlock5walls10LoadFilterESt4spanIK11sock_filterLm18446744073709551615EE");
WallResult WrapLoadFilter(Program program) { return IsUp(kSeccomp) ? RealLoadFilter(program) : WallResult(); }

WallResult RealConfirmFilter() asm("__real__ZN7airlock5walls13ConfirmFilterEv");
WallResult WrapConfirmFilter() asm("__wrap__ZN7airlock5walls13ConfirmFilterEv");
WallResult WrapConfirmFilter() { return IsUp(kSeccomp) ? RealConfirmFilter() : WallResult(); }

uint64_t RealLayers(const NamespaceReport* report) asm("__real__ZNK7airlock5walls15NamespaceReport6LayersEv");
uint64_t WrapLayers(const NamespaceReport* report) asm("__wrap__ZNK7airlock5walls15NamespaceReport6LayersEv");
uint64_t WrapLayers(const NamespaceReport* report) { return RealLayers(report) & WallsToRaise(); }

}  // namespace airlock::walls
