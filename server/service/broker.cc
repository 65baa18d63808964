#include "server/service/broker.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace airlock::server {
namespace {

constexpr size_t kFileThreads = 4;
constexpr size_t kPumpThreads = 4;
// Some dozens of callers at full speed; with thousands of them pieces become small.
constexpr uint64_t kPieceMemory = 8 << 20;

// Half of the descriptors that this process may have: connections, workers and uploads need the others.
uint64_t MostInputFiles() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur / 2 : 0;
}

}  // namespace

Broker::Broker(const BrokerOptions& broker_options, WorkerPool& worker_pool, PathSource path_source)
    : options(broker_options),
      pool(worker_pool),
      paths(std::move(path_source)),
      stalls(broker_options.stall_patience),
      calls(broker_options.max_calls),
      workers(broker_options.shared_workers),
      plan_bytes(broker_options.plan_memory),
      descriptors(broker_options.limits.input_bytes),
      input_files(MostInputFiles()),
      piece_bytes(kPieceMemory),
      // Every call has at most one job in each.
      files(kFileThreads, std::numeric_limits<size_t>::max() / 2),
      pumps(kPumpThreads, std::numeric_limits<size_t>::max() / 2),
      // Whoever posts there has a worker himself, and a place for another one.
      helpers(std::max<size_t>(broker_options.shared_workers, 1) - 1, std::numeric_limits<size_t>::max() / 2),
      loads(broker_options.max_loads, broker_options.max_waiting) {}

}  // namespace airlock::server
