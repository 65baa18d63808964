// One attack by one worker without a broker, and what became of it.
#pragma once

#include <cstdint>
#include <string>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/base/graph_file.h"
#include "sandbox/spawner/spawner_client.h"

namespace airlock::hostile {

inline constexpr int kPatienceMs = 20'000;
inline constexpr uint64_t kOutputBytes = 1 << 20;
inline constexpr uint64_t kMemoryBytes = 256 << 20;
// Of each column of the graph.
inline constexpr uint64_t kGraphRoomBytes = 64 << 10;
inline constexpr uint64_t kGraphBytes = kGraphColumns * kGraphRoomBytes;

struct Outcome {
  uint64_t layers = 0;  // as READY has them
  uint32_t landlock_abi = 0;
  spawner::Exit exit;
  std::string said;  // after READY, as bytes
};

// The limits of all workers of these tests, and the program.
spawner::SpawnerOptions OptionsFor(const std::string& program, bool without_namespaces = false);

// One frame from the front of `bytes`.
airlock::worker::v1::Frame TakeFrame(std::string& bytes);

// What a worker gets. `input` twice, as a set of two files.
struct JobFiles {
  int input;
  uint64_t input_size;
  int output;
  int graph;
};

// Returns when the worker has ended. `before_job` is called when its walls are up.
Outcome RunWorker(
    spawner::SpawnerClient& client, const JobFiles& files, void (*before_job)() = [] {});

}  // namespace airlock::hostile
