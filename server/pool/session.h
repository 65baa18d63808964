// Session: one load with one worker, from the job to the checked answer. Blocks; runs on a thread of the job queue.
//
// It sends the job with the input and a fresh output file, reads frames under deadlines, kills and reaps the worker,
// seals the output, and only then validates. The first cause wins: how the worker died says more than what it could not
// say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "airlock/v1/report.pb.h"
#include "sandbox/base/fd.h"
#include "sandbox/base/limits.h"
#include "server/pool/cancellation.h"
#include "server/pool/worker_pool.h"
#include "server/source/input.h"
#include "server/validate/validator.h"
#include "server/verdict.h"

namespace airlock::server {

struct SessionOptions {
  // The daemon's, lowered by the request. The worker's address space stays as the daemon gave it; a lower memory_bytes
  // bounds what the broker keeps of the plan.
  Limits limits;
  // Have inflated and swapped data written; otherwise spans of the output are promises.
  bool rewrite = false;
  // Of those data, have only what touches these spans of the output written.
  std::optional<std::vector<std::pair<uint64_t, uint64_t>>> wanted;
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

SessionResult RunSession(WorkerPool& pool, const Input& input, const SessionOptions& options,
                         const Cancellation& cancellation);

// How a worker that ended by itself is judged. `ran`: for how long it had its job. For tests too.
Verdict JudgeExit(const spawner::Exit& exit, std::chrono::milliseconds ran, const Limits& limits);

// One forbidden act, tried by a fresh worker. The verdict that a stopped one gets is SANDBOX_VIOLATION.
Verdict RunProbe(WorkerPool& pool, uint32_t probe);

}  // namespace airlock::server
