// Every attack against the real walls, one worker each, without a broker; and the same calls without walls, which shows
// that it is the walls that stop them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/spawner/output_memfd.h"
#include "sandbox/spawner/spawner_client.h"
#include "sandbox/walls/layers.h"
#include "tests/hostile/attack.h"

namespace airlock::hostile {
namespace {

constexpr int kPatienceMs = 20'000;
constexpr uint64_t kOutputBytes = 1 << 20;

// One spawner for a posture, for all its cases: only the main thread may start it, and every case has a fresh worker.
spawner::SpawnerClient& Spawner(bool without_namespaces) {
  static std::unique_ptr<spawner::SpawnerClient> clients[2];
  auto& client = clients[without_namespaces ? 1 : 0];
  if (!client) {
    spawner::SpawnerOptions options;
    options.worker_program = HOSTILE_WORKER;
    options.without_namespaces = without_namespaces;
    options.limits.output_bytes = kOutputBytes;
    options.limits.memory_bytes = 256 << 20;
    options.limits.cpu_seconds = 1;
    auto started = spawner::SpawnerClient::Start(options);
    if (!started.ok()) ADD_FAILURE() << started.error().step << ": " << std::strerror(started.error().error_number);
    if (started.ok()) client = std::move(started).value();
  }
  return *client;
}

Fd InputWith(const std::string& text) {
  Fd fd(memfd_create("input", MFD_CLOEXEC));
  EXPECT_EQ(write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return fd;
}

// Reads until the worker's end is closed; gives up on workers that say no end of things.
std::string ReadAll(int socket) {
  constexpr size_t kEnough = 1 << 20;
  std::string bytes;
  char buffer[4096];
  while (bytes.size() < kEnough) {
    pollfd waiting{socket, POLLIN, 0};
    if (poll(&waiting, 1, kPatienceMs) <= 0) break;
    const ssize_t size = read(socket, buffer, sizeof(buffer));
    if (size <= 0) break;
    bytes.append(buffer, static_cast<size_t>(size));
  }
  return bytes;
}

// One frame from the front of `bytes`.
airlock::worker::v1::Frame TakeFrame(std::string& bytes) {
  airlock::worker::v1::Frame frame;
  uint32_t length = 0;
  if (bytes.size() < sizeof(length)) return frame;
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length <= bytes.size() - sizeof(length))
    frame.ParseFromArray(bytes.data() + sizeof(length), static_cast<int>(length));
  bytes.erase(0, sizeof(length) + length);
  return frame;
}

std::string ReadReady(int socket) {
  std::string bytes;
  uint32_t length = 0;
  char byte = 0;
  while (bytes.size() < sizeof(length) || bytes.size() < sizeof(length) + length) {
    pollfd waiting{socket, POLLIN, 0};
    if (poll(&waiting, 1, kPatienceMs) <= 0 || read(socket, &byte, 1) != 1) break;
    bytes.push_back(byte);
    if (bytes.size() == sizeof(length)) std::memcpy(&length, bytes.data(), sizeof(length));
  }
  return bytes;
}

struct Outcome {
  uint64_t layers = 0;
  spawner::Exit exit;
  std::string said;  // after READY
};

Outcome RunAttack(spawner::SpawnerClient& client, const std::string& checkpoint) {
  Outcome outcome;
  auto worker = client.Spawn();
  EXPECT_TRUE(worker.ok());
  if (!worker.ok()) return outcome;
  std::string ready = ReadReady(worker->socket.get());
  outcome.layers = TakeFrame(ready).ready().layers();
  const Fd input = InputWith(checkpoint);
  auto output = spawner::OutputMemfd::Create(kOutputBytes);
  airlock::worker::v1::Job job;
  job.set_input_size(checkpoint.size());
  job.set_rewrite(true);
  EXPECT_TRUE(spawner::SendJob(*worker, job.SerializeAsString(), input.get(), output->fd()).ok());
  outcome.said = ReadAll(worker->socket.get());
  outcome.exit = spawner::ReapWithin(*worker, outcome.said.size() >= (1 << 20) ? 0 : kPatienceMs);
  EXPECT_TRUE(output->SealForReading().ok());
  return outcome;
}

void ExpectEnd(const Attack& attack, const Outcome& outcome) {
  SCOPED_TRACE(std::to_string(attack.id) + " " + std::string(attack.name));
  switch (attack.end) {
    case End::kSigsys:
      EXPECT_TRUE(outcome.exit.by_signal);
      EXPECT_EQ(outcome.exit.code, SIGSYS);
      EXPECT_EQ(outcome.said, "");
      break;
    case End::kCrash:
      EXPECT_TRUE(outcome.exit.by_signal);
      EXPECT_NE(outcome.exit.code, SIGKILL);
      break;
    case End::kExit:
      EXPECT_FALSE(outcome.exit.by_signal) << "signal " << outcome.exit.code;
      break;
    case End::kDeadline:
      // By RLIMIT_CPU, or by us.
      EXPECT_TRUE(outcome.exit.by_signal);
      EXPECT_EQ(outcome.exit.code, SIGKILL);
      break;
  }
}

class HostileTest : public testing::TestWithParam<bool> {};

TEST_P(HostileTest, EveryAttackEndsAsItMust) {
  spawner::SpawnerClient& client = Spawner(GetParam());
  for (const Attack& attack : AllAttacks()) ExpectEnd(attack, RunAttack(client, CheckpointFor(attack.id)));
}

TEST_P(HostileTest, EveryWallIsUpAroundTheAttacker) {
  const Outcome outcome = RunAttack(Spawner(GetParam()), CheckpointFor(300));
  const auto wanted = GetParam() ? walls::Posture::kNested : walls::Posture::kFull;
  // Hosts without namespaces or Landlock still have the filter.
  EXPECT_GE(walls::PostureOf(outcome.layers), walls::Posture::kFilterOnly);
  EXPECT_LE(walls::PostureOf(outcome.layers), wanted);
}

TEST_P(HostileTest, MemoryEndsAsOutOfMemory) {
  const Outcome outcome = RunAttack(Spawner(GetParam()), CheckpointFor(205));
  EXPECT_FALSE(outcome.exit.by_signal);
  EXPECT_EQ(outcome.exit.code, 71);
}

TEST_P(HostileTest, NothingIsWrittenPastTheOutput) {
  Outcome outcome = RunAttack(Spawner(GetParam()), CheckpointFor(204));
  EXPECT_EQ(TakeFrame(outcome.said).done().limit_name(), "output_bytes");
}

INSTANTIATE_TEST_SUITE_P(Postures, HostileTest, testing::Bool(),
                         [](const auto& row) { return row.param ? "WithoutNamespaces" : "WithNamespaces"; });

// errno of the call in a process of its own without walls; 0 where it works.
int WithoutWalls(const SyscallAttack& attack) {
  const pid_t pid = fork();
  if (pid == 0) {
    const Arg* args = attack.args;
    const long result = syscall(attack.number, args[0].Word(), args[1].Word(), args[2].Word(), args[3].Word(),
                                args[4].Word(), args[5].Word());
    _exit(result >= 0 ? 0 : errno);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(HostileControlTest, TheSameCallsWorkWithoutWalls) {
  int tried = 0;
  for (const SyscallAttack& attack : kSyscallAttacks) {
    if (attack.unwalled != Unwalled::kSucceeds) continue;
    ++tried;
    EXPECT_EQ(WithoutWalls(attack), 0) << attack.name;
  }
  EXPECT_GE(tried, 30);
}

TEST(HostileTableTest, IdsAndNamesAreDistinct) {
  std::set<uint32_t> ids;
  std::set<std::string_view> names;
  for (const Attack& attack : AllAttacks()) {
    EXPECT_TRUE(ids.insert(attack.id).second) << attack.id;
    EXPECT_TRUE(names.insert(attack.name).second) << attack.name;
    EXPECT_FALSE(attack.reasons.empty());
  }
  EXPECT_GE(ids.size(), 100U);
}

}  // namespace
}  // namespace airlock::hostile
