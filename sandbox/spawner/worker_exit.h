// The exit statuses of a worker that ends by itself. 0: it has said DONE. Untrusted like everything else it says: a
// status without DONE is a failed load, whatever its number.
#pragma once

namespace airlock::spawner {

enum WorkerExit : int {
  kWorkerDone = 0,
  kWorkerTerminated = 70,   // an exception that nobody caught
  kWorkerOutOfMemory = 71,  // RLIMIT_AS or RLIMIT_DATA: the broker's REASON_OUT_OF_MEMORY
  kWorkerLockdown = 72,     // before READY: a wall could not be raised
  kWorkerBadJob = 73,       // the job is not what the broker sends: never from a hostile file
  kWorkerBrokerGone = 74,   // the socket is closed
  kWorkerUsage = 64,        // not started by the spawner
};

}  // namespace airlock::spawner
