// airlock-bench-walls: what the walls cost, layer set by layer set: from the wish for a worker to its READY, a whole
// load by a worker that was waiting (what a caller of a daemon waits for), and both together. The sets take turns
// within each round, in another order each time, so that a machine that is busy is busy for all.
//
//   airlock-bench-walls [ROUNDS]
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/base/graph_file.h"
#include "sandbox/spawner/output_memfd.h"
#include "sandbox/spawner/spawner_client.h"
#include "sandbox/walls/layers.h"
#include "tests/hostile/breach.h"

namespace airlock {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr uint64_t kProcess = walls::kNonDumpable | walls::kParentDeathSignal | walls::kNoCapabilities |
                              walls::kNoNewPrivs | walls::kDenyWriteExecute | walls::kNoSpeculation | walls::kRlimits |
                              walls::kOwnCore;
constexpr uint64_t kFiltered = kProcess | walls::kSeccomp;
constexpr uint64_t kNested = kFiltered | walls::kLandlock;
constexpr uint64_t kFull = ~uint64_t{0};

struct LayerSet {
  const char* name;
  uint64_t walls;
};
constexpr LayerSet kSets[] = {
    {"no walls", 0},
    {"process walls", kProcess},
    {"+ filter (filter-only)", kFiltered},
    {"+ Landlock (nested)", kNested},
    {"+ namespaces, no network", kFull & ~uint64_t{walls::kNetNamespace}},
    {"+ empty network (full)", kFull},
};

struct Times {
  std::vector<double> ready;
  std::vector<double> load;
  std::vector<double> both;
};

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "airlock-bench-walls: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

// One float32 of four bytes, as a safetensors file.
std::string TinyCheckpoint() {
  std::string header = R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string file(8, '\0');
  file[0] = static_cast<char>(header.size());
  return file + header + std::string(4, '\0');
}

// Until the worker has said one frame.
void AwaitFrame(const spawner::Worker& worker) {
  char buffer[65536];
  pollfd waiting{worker.socket.get(), POLLIN, 0};
  if (poll(&waiting, 1, 20'000) != 1 || read(worker.socket.get(), buffer, sizeof(buffer)) <= 0)
    Fail("a worker is silent");
}

// Until it has said everything, and ended.
void AwaitEnd(spawner::Worker& worker) {
  char buffer[65536];
  pollfd waiting{worker.socket.get(), POLLIN, 0};
  while (poll(&waiting, 1, 20'000) == 1 && read(worker.socket.get(), buffer, sizeof(buffer)) > 0) {
  }
  const spawner::Exit exit = spawner::ReapWithin(worker, 20'000);
  if (exit.by_signal || exit.code != 0) Fail("a worker ended badly");
}

void Measure(spawner::SpawnerClient& client, int input, uint64_t input_size, Times& times) {
  const auto start = Clock::now();
  auto worker = client.Spawn();
  if (!worker.ok()) Fail(worker.error().step);
  AwaitFrame(*worker);
  const auto ready = Clock::now();
  constexpr uint64_t kRoom = 64 << 10;
  auto output = spawner::OutputMemfd::Create(1 << 20);
  auto graph = spawner::OutputMemfd::Create(kGraphColumns * kRoom);
  if (!output.ok() || !graph.ok()) Fail("memory files");
  worker::v1::Job job;
  job.set_graph_room(kRoom);
  job.set_input_size(input_size);
  job.set_rewrite(true);
#define AIRLOCK_LIMIT(name, default_value, why) job.mutable_limits()->set_##name(default_value);
#include "sandbox/base/limits.def"
#undef AIRLOCK_LIMIT
  if (!spawner::SendJob(*worker, job.SerializeAsString(), {&input, 1}, output->fd(), graph->fd()).ok())
    Fail("sending a job");
  AwaitEnd(*worker);
  const auto end = Clock::now();
  times.ready.push_back(Milliseconds(ready - start).count());
  times.load.push_back(Milliseconds(end - ready).count());
  times.both.push_back(Milliseconds(end - start).count());
}

double At(std::vector<double> times, double share) {
  std::sort(times.begin(), times.end());
  return times[static_cast<size_t>(share * static_cast<double>(times.size() - 1))];
}

int Main(int rounds) {
  const std::string checkpoint = TinyCheckpoint();
  const Fd input(memfd_create("input", MFD_CLOEXEC));
  if (write(input.get(), checkpoint.data(), checkpoint.size()) < 0) Fail("input");
  std::vector<std::unique_ptr<spawner::SpawnerClient>> clients;
  for (const LayerSet& set : kSets) {
    hostile::walls_to_raise = set.walls;
    spawner::SpawnerOptions options;
    options.worker_program = UNWALLED_WORKER;
    auto client = spawner::SpawnerClient::Start(options);
    if (!client.ok()) Fail(client.error().step);
    clients.push_back(std::move(client).value());
  }
  std::vector<Times> times(std::size(kSets));
  std::vector<size_t> order(clients.size());
  std::iota(order.begin(), order.end(), 0);
  std::mt19937 random(1);
  for (int round = -10; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const size_t i : order) {
      // The kernel takes namespaces down after their last process is gone: not at the cost of the next worker.
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      Times warm_up;
      Measure(*clients[i], input.get(), checkpoint.size(), round < 0 ? warm_up : times[i]);
    }
  }
  std::printf(
      "| walls | spawn to READY, ms (p90) | load by a waiting worker | both | over no walls "
      "|\n|---|---|---|---|---|\n");
  const double none = At(times[0].both, 0.5);
  for (size_t i = 0; i < times.size(); ++i) {
    const Times& t = times[i];
    std::printf("| %s | %.2f (%.2f) | %.2f (%.2f) | %.2f | %+.2f |\n", kSets[i].name, At(t.ready, 0.5),
                At(t.ready, 0.9), At(t.load, 0.5), At(t.load, 0.9), At(t.both, 0.5), At(t.both, 0.5) - none);
  }
  return 0;
}

}  // namespace
}  // namespace airlock

int main(int argc, char** argv) { return airlock::Main(argc > 1 ? std::atoi(argv[1]) : 300); }
