#include "server/pool/shared_session.h"

#include <algorithm>
#include <climits>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "server/validate/inventory_rules.h"
#include "server/validate/repeat_validator.h"
#include "server/validate/validator.h"

namespace airlock::server {
namespace {

// The first share on this thread, the others on those of the helpers. By share; all workers have been reaped.
template <typename Run>
std::vector<WorkerEnd> RunSideBySide(JobQueue& helpers, size_t shares, const Run& run) {
  std::vector<std::future<WorkerEnd>> running;
  for (size_t i = 1; i < shares; ++i) {
    auto task = std::make_shared<std::packaged_task<WorkerEnd()>>([&run, i] { return run(i); });
    running.push_back(task->get_future());
    helpers.Post([task] { (*task)(); });
  }
  std::vector<WorkerEnd> ends;
  ends.push_back(run(0));
  for (std::future<WorkerEnd>& end : running) ends.push_back(end.get());
  return ends;
}

Verdict VerdictOf(const WorkerEnd& end) {
  if (!end.verdict.ok()) return end.verdict;
  return end.finished.ok() ? end.finished->verdict : end.finished.error();
}

// Success where all have it.
Verdict VerdictOf(const std::vector<WorkerEnd>& ends) {
  Verdict worst;
  for (const WorkerEnd& end : ends) {
    const Verdict verdict = VerdictOf(end);
    if (verdict.outcome() == v1::OUTCOME_VIOLATION) return verdict;
    worst.Note(verdict);
  }
  return worst;
}

// What the workers were, and how long they took together.
void AddRun(const std::vector<WorkerEnd>& ends, SessionResult& result) {
  uint64_t decode_us = 0;
  uint64_t validate_us = 0;
  for (const WorkerEnd& end : ends) {
    decode_us = std::max(decode_us, end.decode_us);
    validate_us = std::max(validate_us, end.validate_us);
    result.posture = std::min(result.posture, end.posture);
  }
  result.decode_us += decode_us;
  result.validate_us += validate_us;
}

// Adds what the others have found and the first has not, each once, and judges anew. Beyond the limit they count for
// the judgement alone.
void AddFindings(const std::vector<WorkerEnd>& ends, const Limits& limits, Conclusion& conclusion) {
  // Apart from the plan, whose arena keeps for good what it once had.
  const std::shared_ptr<v1::PlanChunk> all = InventoryOf(*conclusion.plan);
  std::set<std::string> known;
  for (const v1::Finding& finding : all->findings()) known.insert(finding.SerializeAsString());
  for (const WorkerEnd& end : ends) {
    if (!end.verdict.ok() || !end.finished.ok()) continue;
    for (const v1::Finding& finding : end.finished->plan->findings()) {
      if (known.insert(finding.SerializeAsString()).second) *all->add_findings() = finding;
    }
  }
  conclusion.judgement = Judge(*all);
  auto& findings = *conclusion.plan->mutable_findings();
  const auto most = static_cast<int>(std::min<uint64_t>(limits.findings, INT_MAX));
  for (int i = findings.size(); i < std::min(all->findings_size(), most); ++i) *findings.Add() = all->findings(i);
  conclusion.totals.set_findings(static_cast<uint64_t>(findings.size()));
}

// Of a file that has changed an honest worker makes another plan, or has no answer.
Verdict JudgeEnds(const std::vector<WorkerEnd>& ends, const Input& input) {
  Verdict verdict = VerdictOf(ends);
  const bool all_ended_well = std::all_of(ends.begin(), ends.end(), [](const auto& end) { return end.verdict.ok(); });
  if (!all_ended_well && verdict.reason() != v1::REASON_WORKER_PROTOCOL) return verdict;
  auto unchanged = input.CheckUnchanged();
  return unchanged.ok() ? verdict : std::move(unchanged).error();
}

}  // namespace

SessionResult RunShares(WorkerPool& pool, JobQueue& helpers, const Input& input, SessionOptions options,
                        const std::vector<Spans>& shares, SessionResult first, const Cancellation& cancellation) {
  first.output.Close();
  auto output = MakeOutput(input, options.limits);
  if (!output.ok()) {
    first.verdict = std::move(output).error();
    return first;
  }
  options.hold_back_bytes = 0;
  options.used = std::chrono::microseconds(first.decode_us);
  const std::vector<WorkerEnd> ends = RunSideBySide(helpers, shares.size(), [&](size_t share) {
    SessionOptions own = options;
    own.wanted = shares[share];
    RepeatValidator examiner(options.limits, first.conclusion);
    return RunWorker(pool, input, own, *output, examiner, cancellation);
  });
  AddRun(ends, first);
  AddFindings(ends, options.limits, first.conclusion);
  first.verdict = JudgeEnds(ends, input);
  if (!first.verdict.ok()) return first;
  auto sealed = SealOutput(*output, input);
  if (!sealed.ok()) {
    first.verdict = std::move(sealed).error();
  } else if (options.rewrite) {
    first.output = std::move(sealed).value();
  }
  return first;
}

}  // namespace airlock::server
