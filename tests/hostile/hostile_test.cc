// Every attack against the real walls, one worker each, without a broker. layers_test.cc has the same attacks against
// each wall alone, and against none.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <set>
#include <sstream>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/spawner/output_memfd.h"
#include "sandbox/spawner/spawner_client.h"
#include "sandbox/walls/layers.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/attack_run.h"

namespace airlock::hostile {
namespace {

// One spawner for a posture, for all its cases: only the main thread may start it, and every case has a fresh worker.
spawner::SpawnerClient& Spawner(bool without_namespaces) {
  static std::unique_ptr<spawner::SpawnerClient> clients[2];
  auto& client = clients[without_namespaces ? 1 : 0];
  if (!client) {
    auto started = spawner::SpawnerClient::Start(OptionsFor(HOSTILE_WORKER, without_namespaces));
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

Outcome RunAttack(spawner::SpawnerClient& client, const std::string& checkpoint) {
  const Fd input = InputWith(checkpoint);
  auto output = spawner::OutputMemfd::Create(kOutputBytes);
  auto graph = spawner::OutputMemfd::Create(kGraphBytes);
  Outcome outcome = RunWorker(client, {input.get(), checkpoint.size(), output->fd(), graph->fd()});
  EXPECT_TRUE(output->SealForReading().ok() && graph->SealForReading().ok());
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

TEST(HostileTableTest, IdsAndNamesAreDistinct) {
  std::set<uint32_t> ids;
  std::set<std::string_view> names;
  for (const Attack& attack : AllAttacks()) {
    EXPECT_TRUE(ids.insert(attack.id).second) << attack.id;
    EXPECT_TRUE(names.insert(attack.name).second) << attack.name;
    EXPECT_FALSE(attack.reasons.empty());
  }
  EXPECT_GE(ids.size(), 300U);
}

// "14-16, 20" as numbers.
std::vector<int> NumbersOf(std::string_view list) {
  std::vector<int> numbers;
  std::istringstream items{std::string(list)};
  for (std::string item; std::getline(items, item, ',');) {
    std::istringstream range(item);
    int first = 0;
    int last = 0;
    char dash = 0;
    range >> first;
    if (!(range >> dash >> last)) last = first;
    for (int number = first; number <= last; ++number) numbers.push_back(number);
  }
  return numbers;
}

// The published list has 119 attempts: each has a row, or its place elsewhere.
TEST(HostileTableTest, EveryPublishedAttemptHasARow) {
  std::set<int> covered = {
      97,   // memory beyond that of the machine: spawner_test, workers are the first to go
      117,  // a socket that is never drained: the broker sends one message, before the worker runs
      119,  // an input that others change: sources_test, and tests/soak
  };
  for (const Attack& attack : AllAttacks()) {
    for (const int number : NumbersOf(attack.battery)) covered.insert(number);
  }
  for (int attempt = 1; attempt <= 119; ++attempt) EXPECT_TRUE(covered.contains(attempt)) << attempt;
}

}  // namespace
}  // namespace airlock::hostile
