#include "tests/hostile/attack_run.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace airlock::hostile {
namespace {

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

}  // namespace

spawner::SpawnerOptions OptionsFor(const std::string& program, bool without_namespaces) {
  spawner::SpawnerOptions options;
  options.worker_program = program;
  options.without_namespaces = without_namespaces;
  options.limits.output_bytes = kOutputBytes;
  options.limits.memory_bytes = kMemoryBytes;
  options.limits.cpu_seconds = 1;
  return options;
}

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

Outcome RunWorker(spawner::SpawnerClient& client, const JobFiles& files, void (*before_job)()) {
  Outcome outcome;
  auto worker = client.Spawn();
  EXPECT_TRUE(worker.ok());
  if (!worker.ok()) return outcome;
  std::string ready = ReadReady(worker->socket.get());
  const auto frame = TakeFrame(ready);
  outcome.layers = frame.ready().layers() | worker->layers();
  outcome.landlock_abi = frame.ready().landlock_abi();
  before_job();
  airlock::worker::v1::Job job;
  job.set_input_size(files.input_size);
  job.set_rewrite(true);
  job.set_graph_room(kGraphRoomBytes);
  // A set of two files, so that there is a descriptor behind the memory files.
  job.set_further_inputs(1);
  for (const char* name : {"first", "second"}) job.add_files()->set_name(name);
  job.mutable_files(0)->set_size(files.input_size);
  const std::array inputs = {files.input, files.input};
  EXPECT_TRUE(spawner::SendJob(*worker, job.SerializeAsString(), inputs, files.output, files.graph).ok());
  // Whoever reads on gets end of file, and does not wait for ever.
  shutdown(worker->socket.get(), SHUT_WR);
  outcome.said = ReadAll(worker->socket.get());
  outcome.exit = spawner::ReapWithin(*worker, outcome.said.size() >= (1 << 20) ? 0 : kPatienceMs);
  return outcome;
}

}  // namespace airlock::hostile
