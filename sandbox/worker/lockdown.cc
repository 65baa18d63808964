#include "sandbox/worker/lockdown.h"

#include <malloc.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <new>
#include <string>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/spawner/worker_exit.h"
#include "sandbox/walls/filter_load.h"
#include "sandbox/walls/landlock.h"
#include "sandbox/walls/layers.h"
#include "sandbox/walls/namespaces.h"
#include "sandbox/walls/process_walls.h"

namespace airlock::worker {
namespace {

struct State {
  const LockdownRequest& request;
  Lockdown lockdown;
};

walls::WallResult RaiseNonDumpable(State&) { return walls::BecomeNonDumpable(); }

walls::WallResult RaiseParentDeathSignal(State& state) { return walls::DieWithParent(state.request.expected_parent); }

walls::WallResult RaiseNoCapabilities(State& state) {
  // The spawner has changed the user already, where that is possible; this is for capabilities that came with exec.
  AIRLOCK_TRY(walls::DropCapabilities());
  return walls::DieWithParent(state.request.expected_parent);
}

walls::WallResult RaiseNoNewPrivs(State&) { return walls::ForbidNewPrivileges(); }

walls::WallResult RaiseDenyWriteExecute(State&) { return walls::DenyWriteExecute(); }

walls::WallResult RaiseNoSpeculation(State&) { return walls::DisableSpeculation(); }

walls::WallResult RaiseOwnCore(State&) { return walls::TakeOwnCore(); }

walls::WallResult RaiseRlimits(State& state) { return walls::ApplyRlimits(state.request.setup->resources); }

// The namespaces exist since clone; here they are looked at, as far as they can be seen from inside.
walls::WallResult ConfirmNamespaces(State& state) {
  const uint64_t claimed = state.request.namespaces;
  if ((claimed & walls::kPidNamespace) != 0 && getpid() != 1) return walls::WallFailure("pid namespace", ESRCH);
  if ((claimed & walls::kMountNamespace) != 0 && !walls::RootIsEmpty()) return walls::WallFailure("root", ENOTEMPTY);
  state.lockdown.layers |= claimed;
  return {};
}

walls::WallResult RaiseLandlock(State& state) {
  AIRLOCK_ASSIGN(state.lockdown.landlock_abi, walls::EnterLandlock());
  return {};
}

[[noreturn]] void OnTerminate() { _exit(spawner::kWorkerTerminated); }
[[noreturn]] void OnOutOfMemory() { _exit(spawner::kWorkerOutOfMemory); }

// Everything that asks the kernel for more than the filter allows the first time it is done.
walls::WallResult WarmUp(State&) {
  // Fixed, so that malloc does not adapt itself; one arena, for there is one thread.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  std::set_terminate(OnTerminate);
  std::set_new_handler(OnOutOfMemory);
  try {
    throw 1;
  } catch (int) {
  }
  unsigned char byte = 0;
  if (getrandom(&byte, sizeof(byte), GRND_NONBLOCK) < 0 && errno != EAGAIN)
    return walls::WallFailure("getrandom", errno);
  v1::Frame frame;
  frame.mutable_plan()->add_devices("cpu");
  v1::Job job;
  if (!frame.ParseFromString(frame.SerializeAsString()) || !job.ParseFromString(job.SerializeAsString())) {
    return walls::WallFailure("protobuf", EPROTO);
  }
  return {};
}

walls::WallResult RaiseSeccomp(State& state) {
  AIRLOCK_TRY(walls::LoadFilter(state.request.setup->idle.Program()));
  return walls::ConfirmFilter();
}

struct Step {
  walls::WallResult (*raise)(State&);
  uint64_t layer;  // what it adds to the mask; 0: nothing of its own
  bool required;   // no posture does without
};

constexpr Step kSteps[] = {
    {RaiseNonDumpable, walls::kNonDumpable, true},
    {RaiseParentDeathSignal, walls::kParentDeathSignal, true},
    {RaiseNoCapabilities, walls::kNoCapabilities, true},
    {RaiseNoNewPrivs, walls::kNoNewPrivs, true},
    {RaiseDenyWriteExecute, walls::kDenyWriteExecute, false},
    {RaiseNoSpeculation, walls::kNoSpeculation, false},
    {RaiseOwnCore, walls::kOwnCore, false},
    {RaiseRlimits, walls::kRlimits, true},
    {ConfirmNamespaces, 0, true},
    {RaiseLandlock, walls::kLandlock, false},
    {WarmUp, 0, true},
    {RaiseSeccomp, walls::kSeccomp, true},
};

}  // namespace

Expected<Lockdown, walls::WallError> LockDown(const LockdownRequest& request) {
  State state{request, {}};
  for (const Step& step : kSteps) {
    const walls::WallResult result = step.raise(state);
    if (result.ok()) {
      state.lockdown.layers |= step.layer;
    } else if (step.required) {
      return Unexpected{result.error()};
    }
  }
  return state.lockdown;
}

}  // namespace airlock::worker
