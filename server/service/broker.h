// Broker: what every call of the service works with. One for the daemon; outlives all calls. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/base/limits.h"
#include "sandbox/spawner/spawner_client.h"
#include "server/descriptors/descriptor_desk.h"
#include "server/metrics.h"
#include "server/pool/job_queue.h"
#include "server/pool/worker_pool.h"
#include "server/service/budget.h"
#include "server/service/socket_watch.h"
#include "server/service/stall_watch.h"
#include "server/source/path_source.h"

namespace airlock::server {

struct BrokerOptions {
  Limits limits;
  std::string spool_directory;
  size_t max_loads = 2;
  size_t max_waiting = 64;
  // Workers at a time up to which a load may have several.
  size_t shared_workers = 2;
  // Calls at a time, whatever they do: sending, waiting, decoding, or reading the answer.
  size_t max_calls = 256;
  // Bytes of plans that wait to be read, of all calls together.
  uint64_t plan_memory = uint64_t{2} << 30;
  std::chrono::milliseconds stall_patience{60'000};
};

struct Broker {
  Broker(const BrokerOptions& broker_options, WorkerPool& worker_pool, PathSource path_source);

  const BrokerOptions options;
  WorkerPool& pool;
  const PathSource paths;
  // What the first worker reported: the walls of this host.
  worker::v1::Ready walls;
  // What the spawner found when it tried them.
  std::vector<spawner::NamespaceState> namespaces;
  // Where workers have cgroups of their own, or why they have none.
  std::string groups;
  walls::Posture posture = walls::Posture::kNone;
  // Beside the first unix socket; empty where there is none. Set before anybody is served.
  std::string fd_socket;
  // No new loads.
  std::atomic<bool> draining = false;
  std::atomic<uint64_t> next_request = 1;
  Metrics metrics;
  StallWatch stalls;
  Budget calls;
  // Workers of loads: each has one, whatever is left, and more where there are processors for them.
  Budget workers;
  // Bytes of plans that wait to be read.
  Budget plan_bytes;
  // Open files of callers and for callers, among them graphs that are part of such a plan.
  DescriptorDesk descriptors;
  // Open files of inputs that are paths: a folder has hundreds, and is open until its caller has read the answer.
  Budget input_files;
  // Bytes of data that were read and not yet sent.
  Budget piece_bytes;
  // Reading and writing files for calls: a thread that blocks here blocks no other part of gRPC.
  JobQueue files;
  // Sending payload through sockets; those who are slow to read wait in the watch.
  JobQueue pumps;
  SocketWatch sockets;
  // A thread for each worker that a load may have besides its first.
  JobQueue helpers;
  // Loads; a thread for each that may run at a time.
  JobQueue loads;
};

}  // namespace airlock::server
