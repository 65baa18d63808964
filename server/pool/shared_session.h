// SharedSession: the second half of a load whose plan is known and checked: what has to be inflated or swapped is done
// by several workers side by side, each a share of it, into one output. Blocks; runs on a thread of the job queue.
//
// Each is a fresh worker that decodes the file anew, under all limits; its plan must be the one that is known
// (repeat_validator.h). Only when all of them have been reaped and have ended well is the output sealed.
#pragma once

#include <vector>

#include "server/pool/cancellation.h"
#include "server/pool/job_queue.h"
#include "server/pool/session.h"
#include "server/pool/worker_pool.h"
#include "server/source/input.h"

namespace airlock::server {

// `first`: what a worker that moved nothing came to, with its plan as it was checked, nothing left out. `options`:
// those of its load; `shares`: at least one. `helpers` has a thread free for each share but the first.
//
// Of `first`, with what all have found. A violation is told before any other failure, and of several failures that of
// the first share.
SessionResult RunShares(WorkerPool& pool, JobQueue& helpers, const Input& input, SessionOptions options,
                        const std::vector<Spans>& shares, SessionResult first, const Cancellation& cancellation);

}  // namespace airlock::server
