#include "sandbox/worker/program.h"

#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string_view>

#include "sandbox/base/version.h"
#include "sandbox/spawner/control.h"
#include "sandbox/spawner/spawner.h"
#include "sandbox/spawner/worker_exit.h"
#include "sandbox/spawner/worker_setup.h"
#include "sandbox/walls/process_walls.h"
#include "sandbox/worker/frame_writer.h"
#include "sandbox/worker/job.h"
#include "sandbox/worker/lockdown.h"
#include "sandbox/worker/probes.h"

namespace airlock::worker {
namespace {

void SayReady(const Lockdown& lockdown) {
  v1::Frame frame;
  v1::Ready& ready = *frame.mutable_ready();
  ready.set_version(kVersion);
  ready.set_layers(lockdown.layers);
  ready.set_landlock_abi(lockdown.landlock_abi);
  WriteFrame(frame);
}

void Probe(const v1::Job& job) {
  TryProbe(job.probe());
  v1::Frame frame;
  frame.mutable_done()->set_message("the probe was survived");
  WriteFrame(frame);
}

int RunWorker(std::string_view layers, std::string_view parent, Work work) {
  // Before anything else: exec has made us dumpable.
  if (!walls::BecomeNonDumpable().ok()) return spawner::kWorkerLockdown;
  static std::optional<spawner::WorkerSetup> setup = spawner::ReadWorkerSetup(spawner::kSetupFd);
  if (!setup || close_range(spawner::kSetupFd, ~0U, 0) != 0) return spawner::kWorkerLockdown;
  const auto lockdown = LockDown({&*setup, std::strtoull(layers.data(), nullptr, 16), std::atoi(parent.data())});
  if (!lockdown.ok()) return spawner::kWorkerLockdown;
  SayReady(*lockdown);
  const v1::Job job = ReceiveJob();
  EnterWorkingFilter(*setup);
  if (job.probe() != 0) {
    Probe(job);
  } else {
    work(job);
  }
  return spawner::kWorkerDone;
}

}  // namespace

int RunProgram(int argc, char** argv, Work work) {
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "spawner" && argc == 2) return spawner::RunSpawner();
  // An environment could change malloc (GLIBC_TUNABLES): the spawner gives none.
  if (role == "worker" && argc == 4 && environ[0] == nullptr) _exit(RunWorker(argv[2], argv[3], work));
  return spawner::kWorkerUsage;
}

}  // namespace airlock::worker
