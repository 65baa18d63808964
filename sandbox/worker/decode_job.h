// A worker's honest work: decode the input, say what it holds.
#pragma once

#include "airlock/worker/v1/frame.pb.h"

namespace airlock::worker {

// With both filters in force. Writes the graph file, sends PLAN frames, then DONE.
void DecodeJob(const v1::Job& job);

}  // namespace airlock::worker
