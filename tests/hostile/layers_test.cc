// Each wall alone, and none: the same attacks by a worker whose other walls are left out (breached_walls.cc). Without
// any wall each attack must really work, and leave its trace; behind one wall those must fail that this wall promises
// to stop; and without the filter all others together must stop every deed. A wall that is missing makes these fail,
// which a test here shows for each of them.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <csignal>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "tests/hostile/attack.h"
#include "tests/hostile/attack_layers.h"
#include "tests/hostile/attack_run.h"
#include "tests/hostile/stage.h"

namespace airlock::hostile {
namespace {

// Nobody else's on any machine that runs tests.
constexpr walls::UserRange kUsers{0x70000000, 16};

// What the tests need to know of an attack, be it one call or a deed.
struct Subject {
  uint32_t id;
  std::string_view name;
  uint64_t base = 0;
  int unwalled = kWorks;
  int or_else = kWorks;
  bool slow = false;  // tried where something is expected of it
};

std::vector<Subject> Subjects() {
  std::vector<Subject> subjects;
  for (const SyscallAttack& row : kSyscallAttacks) subjects.push_back({row.id, row.name, 0, row.unwalled, row.or_else});
  for (const DeedRow& row : kDeedRows) {
    subjects.push_back({row.id, row.name, row.base, kWorks, kWorks, row.end == End::kDeadline});
  }
  return subjects;
}

const DeedRow* DeedOf(uint32_t id) {
  for (const DeedRow& row : kDeedRows) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

bool IsWhatItDoesUnwalled(const Subject& subject, long result) {
  return result >= 0 || result == -subject.unwalled || (subject.or_else != kWorks && result == -subject.or_else);
}

// Whether the attacker got what it wanted, by its own word or by that of what it executed.
bool Claims(const Subject& subject, const Outcome& outcome) {
  if (subject.unwalled < 0) return outcome.exit.by_signal && outcome.exit.code == -subject.unwalled;
  if (subject.unwalled >= kEndsWith) {
    const int status = kEndsWith + outcome.exit.code;
    return !outcome.exit.by_signal && (status == subject.unwalled || status == subject.or_else);
  }
  if (subject.id == 527) return outcome.said.find(std::string(kMarker) + " root") != std::string::npos;
  if (outcome.said.find(kMarker) != std::string::npos) return true;
  const size_t word = outcome.said.rfind("survived ");
  if (word == std::string::npos) return false;
  return IsWhatItDoesUnwalled(subject, std::strtol(outcome.said.c_str() + word + 9, nullptr, 10));
}

std::string Describe(const Outcome& outcome) {
  std::string text = outcome.exit.by_signal ? "signal " : "exit ";
  text += std::to_string(outcome.exit.code);
  const size_t word = outcome.said.rfind("survived ");
  if (word != std::string::npos) text += ", " + outcome.said.substr(word, outcome.said.find(';', word) - word);
  return text;
}

std::string NamesOf(uint64_t layers) {
  std::string names;
  for (const WallColumn& column : kWallColumns) {
    if ((layers & column.layer) != 0) names += (names.empty() ? "" : ", ") + std::string(column.name);
  }
  return names.empty() ? "nothing" : names;
}

uint64_t Namespaces() {
  uint64_t namespaces = 0;
  for (const WallColumn& column : kWallColumns) {
    if ((column.raised & walls::kUserNamespace) != 0) namespaces |= column.layer;
  }
  return namespaces;
}

// Namespaces come and go together: all of them count as one. A user of its own a worker has only where it is asked for.
int IndependentWalls(uint64_t layers) {
  const uint64_t others = layers & ~Namespaces() & ~uint64_t{walls::kOwnUser};
  return std::popcount(others) + ((layers & Namespaces()) != 0 ? 1 : 0);
}

class LayersTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can show that these attacks work where no wall stands";
    stage_ = std::make_unique<Stage>(HOSTILE_MARKER);
  }

  // Whether the attack succeeds behind the walls of `raised` alone; `how` becomes what happened.
  bool Succeeds(const Subject& subject, uint64_t raised, std::string& how) {
    stage_->Reset(subject.id);
    const bool guarded = (raised & kDescriptors) != 0;
    const Fd input = stage_->Input(guarded);
    const Fd output = Stage::Output(guarded);
    const Fd graph = Stage::Graph(guarded);
    spawner::SpawnerClient* client = ClientFor(raised | subject.base);
    if (client == nullptr) return true;
    const JobFiles files{input.get(), stage_->input_size(), output.get(), graph.get()};
    const Outcome outcome = RunWorker(*client, files, Stage::GoOn);
    how = Describe(outcome);
    return Claims(subject, outcome) && stage_->HasTrace(subject.id);
  }

  bool Succeeds(const Subject& subject, uint64_t raised) {
    std::string how;
    return Succeeds(subject, raised, how);
  }

  // Whether a worker that computes for ever is still there when its broker has been killed.
  bool OutlivesItsBroker(uint64_t raised) {
    stage_->Reset(207);
    int report[2];
    EXPECT_EQ(pipe(report), 0);
    const pid_t broker = fork();
    if (broker == 0) BeBroker(raised, report[1]);
    pid_t pid = -1;
    EXPECT_EQ(read(report[0], &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
    const Fd worker(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    EXPECT_TRUE(worker);
    kill(broker, SIGKILL);
    waitpid(broker, nullptr, 0);
    pollfd ended{worker.get(), POLLIN, 0};
    const bool outlives = poll(&ended, 1, 2'000) == 0;
    syscall(SYS_pidfd_send_signal, worker.get(), SIGKILL, nullptr, 0);
    close(report[0]);
    close(report[1]);
    return outlives;
  }

  // The walls that this host has.
  uint64_t HostLayers() { return Host().layers | kDescriptors; }
  // Those of them that stop the attack, each alone.
  uint64_t Stopping(uint32_t attack) { return LayersThatStop(attack, Host().landlock_abi) & HostLayers(); }

 private:
  // As a worker with every wall reports it.
  const Outcome& Host() {
    if (host_.layers == 0) {
      stage_->Reset(300);
      const Fd input = stage_->Input(true);
      const Fd output = Stage::Output(true);
      const Fd graph = Stage::Graph(true);
      host_ = RunWorker(*ClientFor(~uint64_t{0}), {input.get(), stage_->input_size(), output.get(), graph.get()});
    }
    return host_;
  }

  // Makes one worker, tells its number, and waits to be killed.
  [[noreturn]] void BeBroker(uint64_t raised, int report) {
    auto worker = ClientFor(raised)->Spawn();
    airlock::worker::v1::Job job;
    job.set_input_size(stage_->input_size());
    const Fd input = stage_->Input(true);
    const Fd output = Stage::Output(true);
    const Fd graph = Stage::Graph(true);
    const std::array inputs = {input.get()};
    if (!worker.ok()) _exit(1);
    if (!spawner::SendJob(*worker, job.SerializeAsString(), inputs, output.get(), graph.get()).ok()) _exit(1);
    // It has said READY: from here on it needs no broker.
    pollfd ready{worker->socket.get(), POLLIN, 0};
    if (poll(&ready, 1, kPatienceMs) != 1) _exit(1);
    (void)!write(report, &worker->pid, sizeof(worker->pid));
    while (true) pause();
  }

  spawner::SpawnerClient* ClientFor(uint64_t raised) {
    auto& client = clients_[raised];
    if (!client) {
      walls_to_raise = raised;
      auto options = OptionsFor(BREACHED_WORKER);
      if ((raised & walls::kOwnUser) != 0) options.users = kUsers;
      auto started = spawner::SpawnerClient::Start(options);
      if (!started.ok()) {
        ADD_FAILURE() << started.error().step << ": " << std::strerror(started.error().error_number);
        return nullptr;
      }
      client = std::move(started).value();
    }
    return client.get();
  }

  std::unique_ptr<Stage> stage_;
  Outcome host_;
  std::map<uint64_t, std::unique_ptr<spawner::SpawnerClient>> clients_;
};

TEST_F(LayersTest, WithoutWallsEveryAttackWorks) {
  for (const Subject& subject : Subjects()) {
    std::string how;
    EXPECT_TRUE(Succeeds(subject, 0, how)) << subject.id << " " << subject.name << ": " << how;
  }
}

class OneLayerTest : public LayersTest, public testing::WithParamInterface<WallColumn> {};

TEST_P(OneLayerTest, StopsAloneWhatTheTableSays) {
  const WallColumn& column = GetParam();
  if ((HostLayers() & column.layer) == 0) GTEST_SKIP() << "this host does not have it";
  for (const Subject& subject : Subjects()) {
    const bool expected = (Stopping(subject.id) & column.layer) != 0;
    if (subject.slow && !expected) continue;
    std::string how;
    const bool stopped = !Succeeds(subject, column.raised, how);
    EXPECT_EQ(stopped, expected) << subject.id << " " << subject.name << ": " << how;
  }
}

INSTANTIATE_TEST_SUITE_P(Walls, OneLayerTest, testing::ValuesIn(kWallColumns),
                         [](const auto& row) { return std::string(row.param.heading); });

// Two that know nothing of each other behind each class of acts: what the filter misses, another wall stops.
TEST_F(LayersTest, WithoutTheFilterEveryDeedIsStillStopped) {
  for (const Subject& subject : Subjects()) {
    const DeedRow* deed = DeedOf(subject.id);
    if (deed == nullptr || (Stopping(subject.id) & ~uint64_t{walls::kSeccomp}) == 0) continue;
    std::string how;
    EXPECT_FALSE(Succeeds(subject, ~uint64_t{walls::kSeccomp}, how))
        << subject.id << " " << subject.name << ": " << how;
  }
}

// Without any one wall, those that are left stop every deed that has two.
TEST_F(LayersTest, WithoutAnyOneWallEveryDeedIsStillStopped) {
  for (const WallColumn& column : kWallColumns) {
    for (const Subject& subject : Subjects()) {
      // No namespace is without that of users.
      const uint64_t left_out = column.layer == walls::kUserNamespace ? Namespaces() : column.layer;
      const uint64_t stopping = Stopping(subject.id);
      const bool concerned = (stopping & left_out) != 0 && (stopping & ~left_out) != 0;
      if (DeedOf(subject.id) == nullptr || !concerned) continue;
      std::string how;
      EXPECT_FALSE(Succeeds(subject, ~left_out, how))
          << subject.id << " " << subject.name << " without " << column.name << ": " << how;
    }
  }
}

// The mutation of the tests themselves: where a wall is left out, the very checks above see it.
TEST_F(LayersTest, EveryWallThatIsMissingIsSeen) {
  for (const WallColumn& column : kWallColumns) {
    if ((HostLayers() & column.layer) == 0) continue;
    int seen = 0;
    for (const Subject& subject : Subjects()) {
      if (seen != 0 || (Stopping(subject.id) & column.layer) == 0 || subject.slow) continue;
      seen += Succeeds(subject, column.raised & ~column.layer) && !Succeeds(subject, column.raised) ? 1 : 0;
    }
    EXPECT_EQ(seen, 1) << column.name << " could be taken away and no test would see it";
  }
}

// The two walls that no attack of the worker's own can show.
TEST_F(LayersTest, TheParentDeathSignalAloneEndsAWorkerWhoseBrokerIsGone) {
  EXPECT_TRUE(OutlivesItsBroker(0));
  EXPECT_FALSE(OutlivesItsBroker(walls::kParentDeathSignal));
}

TEST_F(LayersTest, SpeculationIsOffOnlyBehindItsWall) {
  if ((HostLayers() & walls::kNoSpeculation) == 0) GTEST_SKIP() << "this host cannot switch speculation off";
  const Subject check{kSpeculationDeed, "speculation is on", 0, kWorks, kWorks, false};
  EXPECT_TRUE(Succeeds(check, 0));
  EXPECT_FALSE(Succeeds(check, walls::kNoSpeculation));
}

TEST_F(LayersTest, EveryLayerHasItsTest) {
  // That a core is its own, no act of the worker's can show: process_walls_test asks the kernel. Groups:
  // groups_test.cc.
  uint64_t tested =
      walls::kParentDeathSignal | walls::kNoSpeculation | walls::kOwnCore | walls::kMemoryGroup | walls::kPidsGroup;
  for (const WallColumn& column : kWallColumns) tested |= column.layer;
  for (const walls::LayerRow& row : walls::Layers()) EXPECT_TRUE((tested & row.bit) != 0) << row.name;
}

TEST(AttackLayersTest, EveryAttackHasItsRowAndEveryDeedTwoWalls) {
  const auto rows = AllAttackLayers();
  const auto subjects = Subjects();
  ASSERT_EQ(rows.size(), subjects.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].attack, subjects[i].id);
    const DeedRow* deed = DeedOf(rows[i].attack);
    if (deed == nullptr) {
      EXPECT_TRUE((rows[i].alone & walls::kSeccomp) != 0) << subjects[i].name;
      continue;
    }
    EXPECT_EQ(IndependentWalls(rows[i].alone) >= 2, deed->single.empty())
        << deed->name << ": " << NamesOf(rows[i].alone);
  }
}

}  // namespace
}  // namespace airlock::hostile
