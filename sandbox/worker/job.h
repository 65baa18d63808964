// The one job of a worker: received while idle, then filter 2 closes the way it came.
#pragma once

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/spawner/worker_setup.h"

namespace airlock::worker {

// Waits for the job. Its descriptors are at walls::InputFd, kOutputFd and kGraphFd afterwards, exactly those that it
// announces; anything else ends the process, as does a broker that goes away.
v1::Job ReceiveJob();

// Loads filter 2. From here on there is no way back, and no way to receive anything.
void EnterWorkingFilter(const spawner::WorkerSetup& setup);

}  // namespace airlock::worker
