#include "server/pool/session.h"

#include <algorithm>
#include <csignal>
#include <ctime>
#include <optional>
#include <utility>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/base/checked.h"
#include "sandbox/spawner/output_memfd.h"
#include "sandbox/spawner/worker_exit.h"
#include "server/limits.h"
#include "server/spawn_verdict.h"
#include "server/validate/validator.h"

namespace airlock::server {
namespace {

// A worker that has said DONE, or closed its socket, has nothing left to do but to end.
constexpr int kEndMs = 2'000;
// Workers that die between their being taken and their job: as many as say that this is no accident.
constexpr size_t kAttempts = WorkerPool::kHopeless;
constexpr auto kTakePatience = std::chrono::seconds(20);
constexpr auto kProbePatience = std::chrono::seconds(5);
// Room for alignment and for the storages of a tiny file.
constexpr uint64_t kOutputSlack = 1 << 20;

uint64_t MicrosecondsSince(Clock::time_point start) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
}

// What a file can become at most: deflate does not do better than the ratio limit, and swapping does not grow.
uint64_t OutputCapacity(const Limits& limits, uint64_t input_size) {
  const auto inflated = CheckedMul(input_size, limits.ratio);
  const auto most = inflated ? CheckedAdd(*inflated, kOutputSlack) : std::nullopt;
  return most ? std::min(*most, limits.output_bytes) : limits.output_bytes;
}

// One worker's state while it has its job.
class WorkerRun {
 public:
  WorkerRun(ReadyWorker worker, const Input& input, const SessionOptions& options, const spawner::OutputMemfd& output,
            GraphFile& graph, Examiner& examiner, const Cancellation& cancellation)
      : worker_(std::move(worker)),
        input_(input),
        options_(options),
        output_(output),
        graph_(graph),
        examiner_(examiner),
        cancellation_(cancellation) {}

  // Sends the job. Fails as NO_WORKER where the worker died meanwhile: it has seen no file, and another one can have
  // the job.
  OrVerdict<void> Start();
  // REQUIRES: Start has succeeded. Call once.
  WorkerEnd Run();

 private:
  OrVerdict<std::optional<Received>> NextFrame();
  OrVerdict<void> ReadFrames();
  // Ends the worker, whatever it does, and refines `cause` by how it ended.
  Verdict End(Verdict cause);
  void Validate(Tainted<worker::v1::Frame> done);
  worker::v1::Job MakeJob() const;

  ReadyWorker worker_;
  const Input& input_;
  const SessionOptions& options_;
  const spawner::OutputMemfd& output_;
  GraphFile& graph_;
  Examiner& examiner_;
  const Cancellation& cancellation_;
  // What the plan is found to be. Of no use to anybody until the worker's end was judged.
  OrVerdict<Conclusion> finished_{Conclusion()};
  uint64_t validate_us_ = 0;
  Clock::time_point start_ = Clock::now();
  // The earliest time at which the worker can have used up its CPU time, as far as anybody has looked.
  Clock::time_point cpu_lasts_until_ = start_;
};

// CPU time that a worker has used. The worker is our child and not yet reaped, so its number is its own.
std::chrono::nanoseconds CpuUsed(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return {};
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

worker::v1::Job WorkerRun::MakeJob() const {
  worker::v1::Job job;
  job.set_input_size(input_.size());
  *job.mutable_limits() = ToProto(options_.limits);
  job.mutable_limits()->set_output_bytes(output_.capacity());
  job.set_rewrite(options_.rewrite);
  job.set_member(options_.member);
  job.set_only_wanted(options_.wanted.has_value());
  if (options_.wanted) {
    for (const auto& [start, end] : *options_.wanted) {
      job.add_wanted(start);
      job.add_wanted(end);
    }
  }
  job.set_hold_back_bytes(options_.hold_back_bytes);
  job.set_graph_room(graph_.room());
  *job.mutable_files() = input_.files();
  job.set_further_inputs(static_cast<uint32_t>(input_.fds().size() - 1));
  return job;
}

OrVerdict<void> WorkerRun::Start() {
  auto sent = spawner::SendJob(worker_.worker, MakeJob().SerializeAsString(), input_.fds(), output_.fd(), graph_.fd());
  if (!sent.ok()) return Unexpected<Verdict>{VerdictOfSpawn(sent.error(), v1::REASON_NO_WORKER)};
  return {};
}

// The worker's own CPU limit is the daemon's; a request may have less. CPU time runs no faster than the clock, so
// nobody need look before what was left of it can have passed. The time that the broker took to validate is not the
// worker's.
OrVerdict<std::optional<Received>> WorkerRun::NextFrame() {
  const std::chrono::milliseconds silence(options_.limits.silence_ms);
  const auto end = start_ - options_.used + std::chrono::milliseconds(options_.limits.wall_ms) +
                   std::chrono::microseconds(validate_us_);
  const auto silence_end = Clock::now() + silence;
  while (true) {
    const auto now = Clock::now();
    if (now >= cpu_lasts_until_) {
      const auto cpu_left = std::chrono::seconds(options_.limits.cpu_seconds) - CpuUsed(worker_.worker.pid);
      if (cpu_left <= cpu_left.zero()) return Because(v1::REASON_TIMEOUT_CPU);
      cpu_lasts_until_ = now + cpu_left;
    }
    const auto silence_left = std::chrono::ceil<std::chrono::milliseconds>(silence_end - now);
    auto next = worker_.reader.Next(Deadlines{std::min(end, cpu_lasts_until_), silence_left}, cancellation_.fd());
    const bool looked_up = !next.ok() && next.error().reason() == v1::REASON_TIMEOUT_TOTAL && Clock::now() < end;
    if (!looked_up) return next;
  }
}

OrVerdict<void> WorkerRun::ReadFrames() {
  while (true) {
    AIRLOCK_ASSIGN(std::optional<Received> received, NextFrame());
    if (!received) break;
    if (received->kind != worker::v1::Frame::kPlan) {
      Validate(std::move(received->frame));
      continue;
    }
    AIRLOCK_TRY(examiner_.Add(std::move(received->piece)));
  }
  if (!worker_.reader.done()) return Unexpected<Verdict>{Verdict::Crash(0)};
  return {};
}

Verdict WorkerRun::End(Verdict cause) {
  const bool ended_by_itself = cause.ok() || worker_.reader.cut_off() || cause.reason() == v1::REASON_DECODER_CRASH;
  const auto ran = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start_);
  if (!ended_by_itself) {
    (void)spawner::KillAndReap(worker_.worker);
    return cause;
  }
  const Clock::time_point closed = Clock::now();
  const spawner::Exit exit = spawner::ReapWithin(worker_.worker, kEndMs);
  if (Clock::now() - closed >= std::chrono::milliseconds(kEndMs)) {
    return Verdict::Violation(v1::REASON_WORKER_PROTOCOL, "worker: did not end after its last word");
  }
  Verdict by_exit = JudgeExit(exit, ran, options_.limits);
  if (by_exit.ok()) return cause;  // which is not success where DONE is missing
  if (exit.by_signal || cause.ok()) return by_exit;
  // An exit with a status says more than silence, but less than half a frame.
  return cause.reason() == v1::REASON_DECODER_CRASH || by_exit.reason() == v1::REASON_OUT_OF_MEMORY ? by_exit : cause;
}

// While the kernel takes the worker's memory apart, which for a large plan takes about as long. The plan is what came
// before DONE and what the graph file holds when it is sealed; nothing that the worker does from then on changes it.
void WorkerRun::Validate(Tainted<worker::v1::Frame> done) {
  const Clock::time_point start = Clock::now();
  finished_ = examiner_.Finish(std::move(done), graph_);
  validate_us_ = MicrosecondsSince(start);
}

WorkerEnd WorkerRun::Run() {
  Verdict cause;
  if (auto read = ReadFrames(); !read.ok()) cause = std::move(read).error();
  WorkerEnd end;
  end.posture = worker_.posture;
  end.verdict = End(std::move(cause));
  end.decode_us = MicrosecondsSince(start_) - validate_us_;
  end.validate_us = validate_us_;
  end.finished = std::move(finished_);
  return end;
}

// REQUIRES: the worker ended well.
OrVerdict<void> Conclude(WorkerEnd end, bool rewrite, const Input& input, spawner::OutputMemfd& output,
                         SessionResult& result) {
  AIRLOCK_ASSIGN(Fd sealed, SealOutput(output, input));
  if (rewrite) result.output = std::move(sealed);
  AIRLOCK_ASSIGN(result.conclusion, std::move(end.finished));
  result.concluded = true;
  return {};
}

}  // namespace

Verdict JudgeExit(const spawner::Exit& exit, std::chrono::milliseconds ran, const Limits& limits) {
  if (!exit.by_signal) {
    if (exit.code == 0) return {};
    if (exit.code == spawner::kWorkerOutOfMemory) return Verdict(v1::REASON_OUT_OF_MEMORY);
    return Verdict::Crash(0);
  }
  if (exit.out_of_memory) return Verdict(v1::REASON_OUT_OF_MEMORY);
  if (exit.code == SIGSYS) return Verdict::Violation(v1::REASON_SANDBOX_VIOLATION, "seccomp");
  // With equal soft and hard limits the kernel kills outright. CPU time never runs faster than the clock.
  const bool long_enough = ran + std::chrono::seconds(1) >= std::chrono::seconds(limits.cpu_seconds);
  if (exit.code == SIGXCPU || (exit.code == SIGKILL && long_enough)) return Verdict(v1::REASON_TIMEOUT_CPU);
  return Verdict::Crash(static_cast<uint32_t>(exit.code));
}

OrVerdict<spawner::OutputMemfd> MakeOutput(const Input& input, const Limits& limits) {
  auto output = spawner::OutputMemfd::Create(OutputCapacity(limits, input.size()));
  if (!output.ok()) return Unexpected<Verdict>{VerdictOfSpawn(output.error())};
  return std::move(output).value();
}

OrVerdict<Fd> SealOutput(spawner::OutputMemfd& output, const Input& input) {
  AIRLOCK_TRY(input.CheckUnchanged());
  if (auto sealed = output.SealForReading(); !sealed.ok()) return Unexpected<Verdict>{VerdictOfSpawn(sealed.error())};
  return output.Release();
}

WorkerEnd RunWorker(WorkerPool& pool, const Input& input, const SessionOptions& options,
                    const spawner::OutputMemfd& output, Examiner& examiner, const Cancellation& cancellation) {
  WorkerEnd failed;
  auto graph = GraphFile::Create(options.limits.memory_bytes);
  if (!graph.ok()) {
    failed.verdict = std::move(graph).error();
    return failed;
  }
  const Clock::time_point deadline = Clock::now() + kTakePatience;
  for (size_t attempt = 0; attempt < kAttempts; ++attempt) {
    auto worker = pool.Take(deadline);
    if (!worker.ok()) {
      failed.verdict = std::move(worker).error();
      return failed;
    }
    WorkerRun run(std::move(worker).value(), input, options, output, *graph, examiner, cancellation);
    auto started = run.Start();
    if (started.ok()) return run.Run();
    failed.verdict = std::move(started).error();
    if (failed.verdict.reason() != v1::REASON_NO_WORKER) return failed;
  }
  return failed;
}

SessionResult RunSession(WorkerPool& pool, const Input& input, const SessionOptions& options,
                         const Cancellation& cancellation) {
  SessionResult result;
  auto output = MakeOutput(input, options.limits);
  if (!output.ok()) {
    result.verdict = std::move(output).error();
    return result;
  }
  Validator validator(options.limits, PlaceSizes{input.size(), output->capacity(), input.FileEnds()},
                      options.hold_back_bytes > 0);
  WorkerEnd end = RunWorker(pool, input, options, *output, validator, cancellation);
  result.verdict = end.verdict;
  result.posture = end.posture;
  result.decode_us = end.decode_us;
  result.validate_us = end.validate_us;
  if (!result.verdict.ok()) return result;
  const Clock::time_point concluding = Clock::now();
  auto concluded = Conclude(std::move(end), options.rewrite, input, *output, result);
  result.verdict = concluded.ok() ? result.conclusion.verdict : std::move(concluded).error();
  result.validate_us += MicrosecondsSince(concluding);
  return result;
}

Verdict RunProbe(WorkerPool& pool, uint32_t probe) {
  auto taken = pool.Take(Clock::now() + kTakePatience);
  if (!taken.ok()) return std::move(taken).error();
  ReadyWorker worker = std::move(taken).value();
  auto output = spawner::OutputMemfd::Create(kOutputSlack);
  if (!output.ok()) return VerdictOfSpawn(output.error());
  worker::v1::Job job;
  job.set_probe(probe);
  *job.mutable_limits() = ToProto(Limits());
  // A file of its own as the input: a probe gets nothing that is worth having.
  auto input = spawner::OutputMemfd::Create(kOutputSlack);
  if (!input.ok()) return VerdictOfSpawn(input.error());
  auto graph = spawner::OutputMemfd::Create(kOutputSlack);
  if (!graph.ok()) return VerdictOfSpawn(graph.error());
  const int input_fd = input->fd();
  auto sent = spawner::SendJob(worker.worker, job.SerializeAsString(), {&input_fd, 1}, output->fd(), graph->fd());
  if (!sent.ok()) return VerdictOfSpawn(sent.error());
  const Deadlines deadlines{Clock::now() + kProbePatience, kProbePatience};
  auto next = worker.reader.Next(deadlines);
  if (next.ok() && next->has_value()) {
    (void)spawner::KillAndReap(worker.worker);
    return Verdict::Violation(v1::REASON_WORKER_PROTOCOL, "probe: the worker lived to answer");
  }
  const spawner::Exit exit = spawner::ReapWithin(worker.worker, kEndMs);
  return JudgeExit(exit, std::chrono::milliseconds(0), Limits());
}

}  // namespace airlock::server
