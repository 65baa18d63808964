// The program of a worker, whatever its work: roles, lock-down, READY, the job, the end. airlock-worker decodes
// (main.cc); the hostile worker of the tests misbehaves (tests/hostile) behind the very same walls.
#pragma once

#include "airlock/worker/v1/frame.pb.h"

namespace airlock::worker {

// Does the job with both filters in force. Frames go out by WriteFrame; the last one is the function's to send.
using Work = void (*)(const v1::Job& job);

// main's arguments: "spawner", or "worker LAYERS PARENT" from the spawner. Returns the exit status.
int RunProgram(int argc, char** argv, Work work);

}  // namespace airlock::worker
