// Several workers for one load, with workers that a test pretends to be: what becomes of what they say.
#include "server/pool/shared_session.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <barrier>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "sandbox/base/fd_passing.h"
#include "sandbox/base/version.h"
#include "tests/unit/server/valid_plan.h"

namespace airlock::server {
namespace {

// What a worker makes of its job. It may write to the output, which a test sees if the load succeeds.
struct Answer {
  v1::PlanChunk plan = ValidPlan();
  worker::v1::Done done = ValidDone();
  // Ends without an answer, at once or when the broker has had enough.
  bool dies = false;
  bool silent = false;
};
using Script = std::function<Answer(const worker::v1::Job& job, int output)>;

// To the file that came with the job.
void WriteGraph(const v1::GraphColumns& graph, int file, uint64_t room) {
  for (size_t i = 0; i < kGraphColumns; ++i) EXPECT_TRUE(WriteAt(file, ColumnsOf(graph)[i], i * room));
}

// The worker's end of a socket, on a thread of its own, until the broker's end is closed.
class FakeWorker {
 public:
  FakeWorker(Fd socket, const Script& script, uint64_t layers) : socket_(std::move(socket)) {
    worker::v1::Frame ready;
    ready.mutable_ready()->set_version(kVersion);
    ready.mutable_ready()->set_layers(layers);
    Send(ready);
    thread_ = std::thread([this, &script] { Work(script); });
  }
  ~FakeWorker() { thread_.join(); }

 private:
  void Work(const Script& script) {
    std::array<Fd, 3> fds;
    const auto job = Receive(fds);
    if (job) {
      Answer answer = script(*job, fds[1].get());
      WriteGraph(answer.plan.graph(), fds[2].get(), job->graph_room());
      SayLengths(answer.plan.graph(), answer.done);
      answer.plan.clear_graph();
      Give(answer);
    }
    socket_.Close();
  }

  void Give(const Answer& answer) {
    char byte = 0;
    if (answer.silent) (void)::recv(socket_.get(), &byte, 1, 0);
    if (answer.silent || answer.dies) return;
    worker::v1::Frame frame;
    *frame.mutable_plan() = answer.plan;
    Send(frame);
    *frame.mutable_done() = answer.done;
    Send(frame);
  }

  // Nothing where the broker closes it.
  std::optional<worker::v1::Job> Receive(std::span<Fd> fds) {
    std::array<std::byte, 4096> buffer;
    const airlock::Received received = ReceiveWithFds(socket_.get(), buffer, fds);
    worker::v1::Job job;
    if (received.size < 4 || !job.ParseFromArray(buffer.data() + 4, static_cast<int>(received.size - 4)))
      return std::nullopt;
    return job;
  }

  void Send(const worker::v1::Frame& frame) {
    const std::string body = frame.SerializeAsString();
    std::string message;
    for (int i = 0; i < 4; ++i) message.push_back(static_cast<char>(body.size() >> (8 * i)));
    message += body;
    // The broker may have had enough of it.
    (void)::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
  }

  Fd socket_;
  std::thread thread_;
};

class FakeSpawner final : public spawner::SpawnerClient {
 public:
  explicit FakeSpawner(const Script& script) : script_(script) {}

  spawner::SpawnResult<spawner::Worker> Spawn() override {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    EXPECT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    spawner::Worker worker;
    worker.socket = Fd(ends[0]);
    const std::lock_guard lock(mutex_);
    workers_.push_back(std::make_unique<FakeWorker>(Fd(ends[1]), script_, layers));
    return worker;
  }

  uint64_t layers = walls::RequiredLayers(walls::Posture::kNested);

 private:
  const Script& script_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<FakeWorker>> workers_;
};

Input InputOf(uint64_t size) {
  Fd fd(::memfd_create("airlock-test", MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  auto file = InputFile::Take(std::move(fd));
  EXPECT_TRUE(file.ok());
  return Input(std::move(file).value());
}

const std::vector<Spans> kThree = {{{0, 100}}, {{100, 300}}, {{300, UINT64_MAX}}};

bool IsShare(const worker::v1::Job& job, size_t share) { return job.wanted(0) == kThree[share][0].first; }

v1::Finding Finding(const std::string& where, v1::Severity severity = v1::SEVERITY_NOTE) {
  v1::Finding finding;
  finding.set_id("zip.wrong-crc");
  finding.set_severity(severity);
  finding.set_where(where);
  return finding;
}

class SharedSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    pool_.Start();
    options_.rewrite = true;
    first_.concluded = true;
    first_.conclusion = Validate(ValidPlan()).value();
    first_.posture = walls::Posture::kFull;
    first_.decode_us = 1'000'000;
  }

  SessionResult Run() { return RunShares(pool_, helpers_, input_, options_, kThree, std::move(first_), cancellation_); }

  // What scripts use outlives the workers, which nobody can kill here.
  std::barrier<> all_have_their_job_{3};
  Input input_ = InputOf(kInputSize);
  Cancellation cancellation_;
  Script script_ = [](const worker::v1::Job&, int) { return Answer(); };
  FakeSpawner spawner_{script_};
  WorkerPool pool_{spawner_, PoolOptions()};
  JobQueue helpers_{2, 100};
  SessionOptions options_;
  SessionResult first_;
};

TEST_F(SharedSessionTest, AllWriteIntoOneOutputSideBySide) {
  script_ = [this](const worker::v1::Job& job, int output) {
    all_have_their_job_.arrive_and_wait();
    EXPECT_TRUE(job.rewrite() && job.only_wanted());
    EXPECT_EQ(job.hold_back_bytes(), 0U);
    const std::string place = std::to_string(job.wanted(0));
    EXPECT_EQ(::pwrite(output, place.data(), place.size(), static_cast<off_t>(job.wanted(0))), place.size());
    return Answer();
  };
  const SessionResult result = Run();
  ASSERT_TRUE(result.verdict.ok()) << result.verdict.failure().message();
  for (const Spans& share : kThree) {
    const std::string place = std::to_string(share[0].first);
    std::string bytes(place.size(), '\0');
    ASSERT_EQ(::pread(result.output.get(), bytes.data(), bytes.size(), static_cast<off_t>(share[0].first)),
              place.size());
    EXPECT_EQ(bytes, place);
  }
  EXPECT_NE(::fcntl(result.output.get(), F_GET_SEALS) & F_SEAL_WRITE, 0);
  EXPECT_EQ(result.conclusion.totals.entries(), 4U) << "the plan is the first worker's";
}

TEST_F(SharedSessionTest, WhatAllHaveFoundIsToldOnce) {
  script_ = [](const worker::v1::Job& job, int) {
    Answer answer;
    for (size_t share = 0; share < 3; ++share) {
      if (IsShare(job, share)) *answer.plan.add_findings() = Finding("share " + std::to_string(share));
    }
    *answer.plan.add_findings() = Finding("every share");
    return answer;
  };
  const SessionResult result = Run();
  ASSERT_TRUE(result.verdict.ok()) << result.verdict.failure().message();
  std::vector<std::string> places;
  for (const v1::Finding& finding : result.conclusion.plan->findings()) places.push_back(finding.where());
  EXPECT_EQ(places, (std::vector<std::string>{"", "share 0", "every share", "share 1", "share 2"}));
  EXPECT_EQ(result.conclusion.totals.findings(), 5U);
}

TEST_F(SharedSessionTest, WhatOneHasFoundIsJudgedEvenBeyondTheLimit) {
  options_.limits.findings = 1;
  script_ = [](const worker::v1::Job& job, int) {
    Answer answer;
    answer.plan.clear_findings();
    if (IsShare(job, 2)) *answer.plan.add_findings() = Finding("last", v1::SEVERITY_DANGER);
    return answer;
  };
  const SessionResult result = Run();
  ASSERT_TRUE(result.verdict.ok()) << result.verdict.failure().message();
  EXPECT_EQ(result.conclusion.plan->findings_size(), 1);
  EXPECT_EQ(result.conclusion.judgement, v1::VERDICT_DANGEROUS);
}

TEST_F(SharedSessionTest, PostureAndTimeAreOfAll) {
  const SessionResult result = Run();
  EXPECT_EQ(result.posture, walls::Posture::kNested) << "the lowest";
  EXPECT_GT(result.decode_us, 1'000'000U);
}

// One share lies: whatever the others say, the load fails for it, and nobody gets the output.
struct LieInAShare {
  const char* name;
  std::function<void(Answer&)> tell;
  v1::Reason reason;
};

class LyingShareTest : public SharedSessionTest, public testing::WithParamInterface<LieInAShare> {};

TEST_P(LyingShareTest, FailsTheLoadFromEachShare) {
  for (size_t liar = 0; liar < 3; ++liar) {
    first_.conclusion = Validate(ValidPlan()).value();
    script_ = [liar](const worker::v1::Job& job, int) {
      Answer answer;
      if (IsShare(job, liar)) GetParam().tell(answer);
      return answer;
    };
    const SessionResult result = Run();
    EXPECT_EQ(result.verdict.reason(), GetParam().reason) << liar << result.verdict.failure().message();
    EXPECT_FALSE(result.output) << liar;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Lies, LyingShareTest,
    testing::Values(
        LieInAShare{"Plan", [](Answer& a) { a.plan.mutable_storages()->set_nbytes(0, 60); },
                    v1::REASON_WORKER_PROTOCOL},
        LieInAShare{"NoPlan", [](Answer& a) { a.plan.Clear(); }, v1::REASON_WORKER_PROTOCOL},
        LieInAShare{"HeldBack", [](Answer& a) { a.done.set_held_back(true); }, v1::REASON_WORKER_PROTOCOL},
        LieInAShare{"Format", [](Answer& a) { a.done.set_format(v1::FORMAT_NPZ); }, v1::REASON_WORKER_PROTOCOL},
        LieInAShare{"Finding", [](Answer& a) { a.plan.add_findings()->set_id("X"); }, v1::REASON_WORKER_PROTOCOL},
        LieInAShare{"Dead", [](Answer& a) { a.dies = true; }, v1::REASON_DECODER_CRASH},
        LieInAShare{"Fails", [](Answer& a) { a.done.set_reason(v1::REASON_COMPRESSION_BROKEN); },
                    v1::REASON_COMPRESSION_BROKEN}),
    [](const auto& param) { return param.param.name; });

TEST_F(SharedSessionTest, AViolationIsToldBeforeAFailure) {
  script_ = [](const worker::v1::Job& job, int) {
    Answer answer;
    if (IsShare(job, 0)) answer.done.set_reason(v1::REASON_COMPRESSION_BROKEN);
    if (IsShare(job, 1)) answer.dies = true;
    if (IsShare(job, 2)) answer.done.set_held_back(true);
    return answer;
  };
  EXPECT_EQ(Run().verdict.reason(), v1::REASON_WORKER_PROTOCOL);
}

TEST_F(SharedSessionTest, OfAFileThatChangesAnotherPlanIsNobodysLie) {
  script_ = [this](const worker::v1::Job&, int) {
    EXPECT_EQ(::ftruncate(input_.fds()[0], 1), 0);
    Answer answer;
    answer.plan.mutable_storages()->set_nbytes(0, 60);
    return answer;
  };
  EXPECT_EQ(Run().verdict.reason(), v1::REASON_INPUT_CHANGED);
}

TEST_F(SharedSessionTest, CancellationReachesAll) {
  script_ = [this](const worker::v1::Job&, int) {
    all_have_their_job_.arrive_and_wait();
    cancellation_.Cancel();
    Answer answer;
    answer.silent = true;
    return answer;
  };
  const SessionResult result = Run();
  EXPECT_EQ(result.verdict.reason(), v1::REASON_CANCELLED);
  EXPECT_FALSE(result.output);
}

TEST_F(SharedSessionTest, TimeThatTheFirstHasUsedIsNotThereAgain) {
  options_.limits.wall_ms = 1'000;
  EXPECT_EQ(Run().verdict.reason(), v1::REASON_TIMEOUT_TOTAL);
}

}  // namespace
}  // namespace airlock::server
