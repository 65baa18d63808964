// The real program behind the real walls: birth, job, probes, end.
#include "sandbox/spawner/spawner_client.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include "airlock/v1/graph.pb.h"
#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/base/graph_file.h"
#include "sandbox/base/version.h"
#include "sandbox/spawner/output_memfd.h"
#include "sandbox/spawner/worker_exit.h"
#include "sandbox/walls/landlock.h"
#include "sandbox/walls/layers.h"
#include "sandbox/walls/process_walls.h"
#include "sandbox/walls/worker_fds.h"
#include "sandbox/worker/probes.h"
#include "tests/support/in_child.h"
#include "tests/unit/spawner/spawner_pid.h"

namespace airlock::spawner {
namespace {

using airlock::worker::v1::Frame;
using airlock::worker::v1::Job;

std::unique_ptr<SpawnerClient> Start(bool without_namespaces = false) {
  SpawnerOptions options;
  options.worker_program = WORKER;
  options.without_namespaces = without_namespaces;
  auto client = SpawnerClient::Start(options);
  EXPECT_TRUE(client.ok());
  return client.ok() ? std::move(client).value() : nullptr;
}

bool ReadExactly(int socket, char* out, size_t size) {
  while (size > 0) {
    pollfd waiting{socket, POLLIN, 0};
    if (poll(&waiting, 1, 20'000) <= 0) return false;
    const ssize_t got = read(socket, out, size);
    if (got <= 0) return false;
    out += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

std::optional<Frame> ReadFrame(const Worker& worker) {
  uint32_t length = 0;
  if (!ReadExactly(worker.socket.get(), reinterpret_cast<char*>(&length), sizeof(length))) return std::nullopt;
  std::string bytes(length, '\0');
  Frame frame;
  if (!ReadExactly(worker.socket.get(), bytes.data(), length) || !frame.ParseFromString(bytes)) return std::nullopt;
  return frame;
}

SpawnResult<void> Send(const Worker& worker, const Job& job, size_t inputs = 1) {
  const Fd input(memfd_create("input", MFD_CLOEXEC));
  auto output = OutputMemfd::Create(1 << 20);
  auto graph = OutputMemfd::Create(1 << 20);
  const std::vector<int> fds(inputs, input.get());
  return SendJob(worker, job.SerializeAsString(), fds, output->fd(), graph->fd());
}

// A set of `count` empty files, each in a descriptor of its own.
Job JobOfFiles(size_t count) {
  Job job;
  for (size_t i = 0; i < count; ++i) job.add_files()->set_name(std::string(250, 'n') + std::to_string(i));
  job.set_further_inputs(static_cast<uint32_t>(count - 1));
  return job;
}

TEST(SpawnerClientTest, AWorkerSaysReadyBehindItsWalls) {
  for (const bool without_namespaces : {false, true}) {
    const auto client = Start(without_namespaces);
    ASSERT_TRUE(client);
    auto worker = client->Spawn();
    ASSERT_TRUE(worker.ok());
    const auto frame = ReadFrame(*worker);
    ASSERT_TRUE(frame && frame->has_ready());
    EXPECT_EQ(frame->ready().version(), kVersion);
    EXPECT_GE(walls::PostureOf(frame->ready().layers()), walls::Posture::kFilterOnly);
    for (const NamespaceState& state : client->Namespaces()) {
      EXPECT_EQ((frame->ready().layers() & state.layer) != 0, state.error_number == 0) << state.layer;
      if (without_namespaces) {
        EXPECT_EQ(state.error_number, ECANCELED);
      }
    }
    const Exit exit = KillAndReap(*worker);
    EXPECT_TRUE(exit.by_signal);
    EXPECT_EQ(exit.code, SIGKILL);
    EXPECT_FALSE(worker->pidfd);
  }
}

// Whether `raise` works in a process of its own.
template <typename Raise>
bool HostHas(Raise raise) {
  return test::InChild([&] { return raise() ? 0 : 1; }) == 0;
}

// A wall that some hosts lack could be forgotten: then READY would be without it, and every other test would take this
// for such a host.
TEST(SpawnerClientTest, EveryWallOfThisHostIsUp) {
  uint64_t host = walls::RequiredLayers(walls::Posture::kFilterOnly);
  if (HostHas([] { return walls::DenyWriteExecute().ok(); })) host |= walls::kDenyWriteExecute;
  if (HostHas([] { return walls::DisableSpeculation().ok(); })) host |= walls::kNoSpeculation;
  if (HostHas([] { return walls::TakeOwnCore().ok(); })) host |= walls::kOwnCore;
  if (walls::LandlockAbi() != 0) host |= walls::kLandlock;
  // By another program: this one has a second thread under some sanitizers, and then may not unshare.
  const bool namespaces = std::system("unshare --user --map-root-user --mount --pid --net --fork true") == 0;
  if (namespaces) host |= walls::RequiredLayers(walls::Posture::kFull);
  const auto client = Start();
  ASSERT_TRUE(client);
  auto worker = client->Spawn();
  ASSERT_TRUE(worker.ok());
  const auto frame = ReadFrame(*worker);
  ASSERT_TRUE(frame && frame->has_ready());
  for (const walls::LayerRow& row : walls::Layers()) {
    EXPECT_EQ((frame->ready().layers() & row.bit) != 0, (host & row.bit) != 0) << row.name;
  }
  EXPECT_EQ(frame->ready().landlock_abi(), walls::LandlockAbi());
}

// A line of /proc/PID/NAME that begins with `key`; nothing of a process that is gone.
std::string StatusOf(pid_t pid, const std::string& name, const std::string& key) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return line.substr(key.size());
  }
  return "";
}

TEST(SpawnerClientTest, SpawnerAndWorkersAreFilteredAndGoFirstWhenMemoryRunsOut) {
  const auto client = Start();
  ASSERT_TRUE(client);
  const pid_t spawner = SpawnerPid();
  auto worker = client->Spawn();
  ASSERT_TRUE(worker.ok() && ReadFrame(*worker));
  for (const pid_t pid : {spawner, worker->pid}) {
    EXPECT_EQ(StatusOf(pid, "status", "Seccomp:\t"), "2");
    EXPECT_EQ(StatusOf(pid, "status", "NoNewPrivs:\t"), "1");
    EXPECT_EQ(StatusOf(pid, "oom_score_adj", ""), "1000");
  }
  EXPECT_EQ(StatusOf(spawner, "status", "Seccomp_filters:\t"), "1");
  EXPECT_EQ(StatusOf(worker->pid, "status", "Seccomp_filters:\t"), "2");
}

TEST(SpawnerClientTest, EveryProbeDies) {
  const auto client = Start();
  ASSERT_TRUE(client);
  for (const auto& probe : airlock::worker::kProbes) {
    auto worker = client->Spawn();
    ASSERT_TRUE(worker.ok());
    ASSERT_TRUE(ReadFrame(*worker));
    Job job;
    job.set_probe(probe.number);
    ASSERT_TRUE(Send(*worker, job).ok());
    EXPECT_FALSE(ReadFrame(*worker)) << probe.name;
    const Exit exit = ReapWithin(*worker, 20'000);
    EXPECT_TRUE(exit.by_signal) << probe.name;
    EXPECT_EQ(exit.code, SIGSYS) << probe.name;
  }
}

TEST(SpawnerClientTest, AnEmptyFileIsAnsweredAndTheWorkerEnds) {
  const auto client = Start();
  ASSERT_TRUE(client);
  auto worker = client->Spawn();
  ASSERT_TRUE(worker.ok() && ReadFrame(*worker));
  ASSERT_TRUE(Send(*worker, Job()).ok());
  const auto frame = ReadFrame(*worker);
  ASSERT_TRUE(frame && frame->has_done());
  EXPECT_EQ(frame->done().reason(), 41U);
  const Exit exit = ReapWithin(*worker, 20'000);
  EXPECT_FALSE(exit.by_signal);
  EXPECT_EQ(exit.code, kWorkerDone);
}

// A pickle of one number: it stands in the graph file when DONE says where.
TEST(SpawnerClientTest, TheGraphComesInItsFile) {
  constexpr uint64_t kRoom = 64 << 10;
  const auto client = Start();
  ASSERT_TRUE(client);
  auto worker = client->Spawn();
  ASSERT_TRUE(worker.ok() && ReadFrame(*worker));
  const std::string pickle = "\x80\x02M\xe8\x03.";
  const Fd input(memfd_create("input", MFD_CLOEXEC));
  ASSERT_EQ(write(input.get(), pickle.data(), pickle.size()), static_cast<ssize_t>(pickle.size()));
  auto output = OutputMemfd::Create(1 << 20);
  auto graph = OutputMemfd::Create(kGraphColumns * kRoom);
  ASSERT_TRUE(output.ok() && graph.ok());
  Job job;
  job.set_input_size(pickle.size());
  job.set_graph_room(kRoom);
#define AIRLOCK_LIMIT(name, default_value, why) job.mutable_limits()->set_##name(default_value);
#include "sandbox/base/limits.def"
#undef AIRLOCK_LIMIT
  const std::array inputs = {input.get()};
  ASSERT_TRUE(SendJob(*worker, job.SerializeAsString(), inputs, output->fd(), graph->fd()).ok());
  std::optional<Frame> frame = ReadFrame(*worker);
  while (frame && !frame->has_done()) frame = ReadFrame(*worker);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->done().reason(), 0U) << frame->done().message();
  const auto& bytes = frame->done().graph_bytes();
  EXPECT_EQ(std::vector<uint64_t>(bytes.begin(), bytes.end()), (std::vector<uint64_t>{1, 0, 0, 0, 8, 0, 0}));
  uint8_t kind = 0;
  int64_t value = 0;
  EXPECT_EQ(pread(graph->fd(), &kind, sizeof(kind), 0), 1);
  EXPECT_EQ(pread(graph->fd(), &value, sizeof(value), 4 * kRoom), 8);
  EXPECT_EQ(kind, ::airlock::v1::NODE_KIND_INT);
  EXPECT_EQ(value, 1000);
  EXPECT_EQ(ReapWithin(*worker, 20'000).code, kWorkerDone);
}

TEST(SpawnerClientTest, AWorkerEndsWithItsSocket) {
  const auto client = Start();
  ASSERT_TRUE(client);
  auto worker = client->Spawn();
  ASSERT_TRUE(worker.ok() && ReadFrame(*worker));
  worker->socket.Close();
  const Exit exit = ReapWithin(*worker, 20'000);
  EXPECT_FALSE(exit.by_signal);
  EXPECT_EQ(exit.code, kWorkerBrokerGone);
}

TEST(SpawnerClientTest, AJobThatIsNotTheProtocolEndsTheWorker) {
  const auto client = Start();
  ASSERT_TRUE(client);
  for (const std::string& message : {std::string("x"), std::string(8, '\xff'), std::string(6000, 'x')}) {
    auto worker = client->Spawn();
    ASSERT_TRUE(worker.ok() && ReadFrame(*worker));
    ASSERT_EQ(write(worker->socket.get(), message.data(), message.size()), static_cast<ssize_t>(message.size()));
    EXPECT_EQ(ReapWithin(*worker, 20'000).code, kWorkerBadJob);
  }
}

TEST(SpawnerClientTest, AnOversizedJobIsNotSent) {
  const auto client = Start();
  ASSERT_TRUE(client);
  auto worker = client->Spawn();
  ASSERT_TRUE(worker.ok());
  const std::array fds = {0};
  EXPECT_FALSE(SendJob(*worker, std::string(kMaxJobBytes + 1, 'x'), fds, 1, 2).ok());
}

// The largest set there may be, with the longest names: its job comes in several pieces.
TEST(SpawnerClientTest, AJobOfManyFilesArrives) {
  const auto client = Start();
  ASSERT_TRUE(client);
  for (const size_t count : {size_t{2}, size_t{walls::kMaxInputs}}) {
    auto worker = client->Spawn();
    ASSERT_TRUE(worker.ok() && ReadFrame(*worker));
    ASSERT_TRUE(Send(*worker, JobOfFiles(count), count).ok());
    const auto frame = ReadFrame(*worker);
    ASSERT_TRUE(frame && frame->has_done());
    EXPECT_EQ(ReapWithin(*worker, 20'000).code, kWorkerDone);
  }
}

// Descriptors beyond those that the job announces, or fewer.
TEST(SpawnerClientTest, DescriptorsThatAreNotAnnouncedEndTheWorker) {
  const auto client = Start();
  ASSERT_TRUE(client);
  struct Case {
    size_t announced;
    size_t sent;
  };
  for (const Case& each : {Case{1, 2}, Case{2, 1}, Case{2, 3}, Case{200, 201}, Case{200, 199}}) {
    auto worker = client->Spawn();
    ASSERT_TRUE(worker.ok() && ReadFrame(*worker));
    ASSERT_TRUE(Send(*worker, JobOfFiles(each.announced), each.sent).ok());
    EXPECT_EQ(ReapWithin(*worker, 20'000).code, kWorkerBadJob) << each.announced << " " << each.sent;
  }
  Job odd = JobOfFiles(3);
  odd.set_further_inputs(1);
  auto worker = client->Spawn();
  ASSERT_TRUE(worker.ok() && ReadFrame(*worker));
  ASSERT_TRUE(Send(*worker, odd, 2).ok());
  EXPECT_EQ(ReapWithin(*worker, 20'000).code, kWorkerBadJob);
  EXPECT_FALSE(Send(*worker, Job(), walls::kMaxInputs + 1).ok());
}

TEST(SpawnerClientTest, SpawnsFromManyThreads) {
  const auto client = Start();
  ASSERT_TRUE(client);
  std::vector<std::thread> threads;
  std::atomic<int> ready = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 10; ++turn) {
        auto worker = client->Spawn();
        if (worker.ok() && ReadFrame(*worker)) ++ready;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ready, 40);
}

int OpenFds() {
  int count = 0;
  for (int fd = 0; fd < 512; ++fd) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

TEST(SpawnerClientTest, NothingIsLeft) {
  const int before = OpenFds();
  {
    const auto client = Start();
    ASSERT_TRUE(client);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(client->Spawn().ok());
  }
  EXPECT_EQ(OpenFds(), before);
  // No child either, dead or alive: the spawner is reaped with its client.
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

// An answer was lost, and with it the order of all later ones: whoever watches gone_fd starts anew.
TEST(SpawnerClientTest, AnAnswerThatCannotBeTakenEndsTheSpawner) {
  auto client = Start();
  ASSERT_TRUE(client && client->Spawn().ok());
  pollfd gone{client->gone_fd(), POLLIN, 0};
  EXPECT_EQ(poll(&gone, 1, 0), 0);
  {
    std::vector<Fd> all;
    while (true) {
      Fd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!fd) break;
      all.push_back(std::move(fd));
    }
    all.resize(all.size() - 2);  // room for a pair of sockets, and none for a pidfd
    EXPECT_FALSE(client->Spawn().ok());
  }
  EXPECT_EQ(poll(&gone, 1, 10'000), 1);
  EXPECT_FALSE(client->Spawn().ok());
  client.reset();
  // The worker that nobody was told of is our child too, and dies with the spawner.
  while (waitpid(-1, nullptr, 0) > 0) {
  }
}

TEST(SpawnerClientTest, FailuresNameTheirStep) {
  SpawnerOptions options;
  options.worker_program = "/nonexistent/airlock-worker";
  auto missing = SpawnerClient::Start(options);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().error_number, ENOENT);
  EXPECT_FALSE(missing.error().remedy.empty());
  // Executable, and not a spawner.
  options.worker_program = "/bin/true";
  auto other = SpawnerClient::Start(options);
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().step.find("spawner"), std::string::npos);
}

}  // namespace
}  // namespace airlock::spawner
