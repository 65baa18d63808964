// Session: one load with one worker, from the job to the checked answer. Blocks; runs on a thread of the job queue.
//
// It sends the job with the input and a fresh output file, reads frames under deadlines, kills and reaps the worker,
// seals the output, and only then lets anybody have what was found of the plan. The first cause wins: how the worker
// died says more than what it could not say. Several workers for one load: shared_session.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "airlock/v1/report.pb.h"
#include "sandbox/base/fd.h"
#include "sandbox/base/limits.h"
#include "sandbox/spawner/output_memfd.h"
#include "server/pool/cancellation.h"
#include "server/pool/worker_pool.h"
#include "server/source/input.h"
#include "server/validate/examiner.h"
#include "server/verdict.h"

namespace airlock::server {

// Of the output: where each starts, where it ends, ascending.
using Spans = std::vector<std::pair<uint64_t, uint64_t>>;

struct SessionOptions {
  // The daemon's, lowered by the request. The worker's address space stays as the daemon gave it; a lower memory_bytes
  // bounds what the broker keeps of the plan.
  Limits limits;
  // Have inflated and swapped data written; otherwise spans of the output are promises.
  bool rewrite = false;
  // Of those data, have only what touches these spans of the output written.
  std::optional<Spans> wanted;
  // Not 0: have none of it written where it is more than this, besides the largest piece.
  uint64_t hold_back_bytes = 0;
  // Of wall_ms, what the load has used up before.
  std::chrono::microseconds used{0};
  // Of a zip archive or a set, to be decoded instead of the whole; empty: the whole.
  std::string member;
};

// What one load came to. With a failing verdict the rest holds what was learnt before.
struct SessionResult {
  Verdict verdict;
  // Only where the worker concluded, successfully or not.
  Conclusion conclusion;
  bool concluded = false;
  // Sealed. Only with `rewrite`.
  Fd output;
  walls::Posture posture = walls::Posture::kNone;
  uint64_t decode_us = 0;
  uint64_t validate_us = 0;
};

// How one worker ended, and what its frames came to, which is of use to nobody where it ended otherwise than well.
struct WorkerEnd {
  Verdict verdict;
  OrVerdict<Conclusion> finished{Conclusion()};
  walls::Posture posture = walls::Posture::kNone;
  uint64_t decode_us = 0;
  uint64_t validate_us = 0;
};

// A fresh one for this load, not sealed.
OrVerdict<spawner::OutputMemfd> MakeOutput(const Input& input, const Limits& limits);

// Nobody can change it any more, nor has anybody changed the input. REQUIRES: whoever wrote to it has been reaped.
OrVerdict<Fd> SealOutput(spawner::OutputMemfd& output, const Input& input);

// One job, with one worker: reaped, whatever comes of it. `examiner` has seen no frame.
WorkerEnd RunWorker(WorkerPool& pool, const Input& input, const SessionOptions& options,
                    const spawner::OutputMemfd& output, Examiner& examiner, const Cancellation& cancellation);

SessionResult RunSession(WorkerPool& pool, const Input& input, const SessionOptions& options,
                         const Cancellation& cancellation);

// How a worker that ended by itself is judged. `ran`: for how long it had its job. For tests too.
Verdict JudgeExit(const spawner::Exit& exit, std::chrono::milliseconds ran, const Limits& limits);

// One forbidden act, tried by a fresh worker. The verdict that a stopped one gets is SANDBOX_VIOLATION.
Verdict RunProbe(WorkerPool& pool, uint32_t probe);

}  // namespace airlock::server
