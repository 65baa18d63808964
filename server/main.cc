// airlockd: the broker. See README.md for the life of a request; here is the life of the daemon.
//
// The order matters: the spawner is forked before gRPC or any thread exists; then the broker gives up what only that
// needed, for all threads to come; and nothing is served before one real worker has reported the walls it stands
// behind.
#include <fcntl.h>
#include <grpc/grpc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "sandbox/base/version.h"
#include "sandbox/spawner/own_cgroup.h"
#include "sandbox/spawner/spawner_client.h"
#include "server/config/listeners.h"
#include "server/config/options.h"
#include "server/confinement.h"
#include "server/daemon.h"
#include "server/grpc_log.h"
#include "server/log.h"
#include "server/pool/worker_pool.h"
#include "server/service/broker.h"
#include "server/stop_signal.h"

namespace airlock::server {
namespace {

enum ExitStatus : int { kOk = 0, kUsage = 64, kUnavailable = 69, kInternal = 70, kBelowMinimum = 78 };

int Complain(ExitStatus status, const std::string& sentence) {
  (void)std::fprintf(stderr, "airlockd: %s\n", sentence.c_str());
  return status;
}

std::string WhatFailed(const spawner::SpawnError& error) {
  return error.error_number == 0 ? error.step : error.step + ": " + std::strerror(error.error_number);
}

std::string Describe(const spawner::SpawnError& error) {
  return error.remedy.empty() ? WhatFailed(error) : WhatFailed(error) + "; " + error.remedy;
}

BrokerOptions ToBrokerOptions(const Options& options) {
  BrokerOptions broker;
  broker.limits = options.limits;
  broker.spool_directory = options.spool_dir;
  broker.max_loads = options.max_loads;
  // More than there are processors for would only take each other's time.
  broker.shared_workers = std::min<size_t>(options.max_loads, std::max(1U, std::thread::hardware_concurrency()));
  broker.max_waiting = options.queue;
  broker.max_calls = options.max_calls;
  broker.plan_memory = options.plan_memory;
  broker.stall_patience = std::chrono::seconds(options.stall_seconds);
  return broker;
}

// Shells give a thousand descriptors, and let whoever asks have more.
void RaiseDescriptorLimit() {
  constexpr rlim_t kEnough = 65536;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kEnough) return;
  limit.rlim_cur = std::min(limit.rlim_max, kEnough);
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

// A sanitizer's leak check forks and traces; what it needs is denied to a broker in earnest.
#ifdef AIRLOCK_SANITIZED
int Confine(const Options&, const std::string&) { return kOk; }
int ConfineServing() { return kOk; }
#else
int Confine(const Options& options, const std::string& groups) {
  const auto confined = ConfineBroker(options, groups);
  if (!confined.ok()) return Complain(kBelowMinimum, confined.error());
  LogInfo("confined", {{"landlock_abi", uint64_t{confined->landlock_abi}},
                       {"deny_write_execute", uint64_t{confined->deny_write_execute ? 1U : 0U}}});
  return kOk;
}

int ConfineServing() {
  const auto confined = ConfineServingBroker();
  return confined.ok() ? kOk : Complain(kBelowMinimum, confined.error());
}
#endif

// An optional layer: a daemon that has no cgroup of its own does without, and says why.
struct Groups {
  std::shared_ptr<spawner::WorkerGroups> made;
  std::string evidence;
};

Groups PrepareGroups(const Options& options) {
  auto groups =
      spawner::WorkerGroups::Prepare({spawner::OwnCgroupDirectory(), spawner::GroupMemoryBytes(options.limits)});
  const std::string evidence = groups.ok() ? "each worker in " + (*groups)->directory() : WhatFailed(groups.error());
  LogInfo("worker-groups", {{"state", evidence}});
  return {groups.ok() ? *groups : nullptr, evidence};
}

// gRPC's own shutdown waits up to ten seconds for a poller that has nothing left to do. So it is never shut down, and
// the process ends without its destructors, which gRPC's threads must not meet. A leak checker wants both.
#ifdef AIRLOCK_SANITIZED
void KeepGrpc() {}
[[noreturn]] void End(int status) { std::exit(status); }
#else
void KeepGrpc() { grpc_init(); }
[[noreturn]] void End(int status) {
  (void)std::fflush(nullptr);
  std::_Exit(status);
}
#endif

// From the first worker to the end of the drain.
int Run(const Options& options, const StopSignal& stop, spawner::SpawnerClient& spawner, PathSource paths,
        const std::string& groups) {
  PoolOptions pool_options;
  pool_options.size = options.pool;
  pool_options.most = options.pool_most;
  pool_options.births = std::clamp<size_t>(options.max_loads, 1, kMostBirths);
  pool_options.minimum = options.posture;
  WorkerPool pool(spawner, pool_options);
  auto first = pool.Make();
  if (!first.ok()) return Complain(kBelowMinimum, first.error().failure().message());

  const int listener_lost = WatchGrpcLog();
  if (listener_lost < 0) return Complain(kInternal, "cannot watch gRPC's log: no descriptor for it");
  KeepGrpc();
  auto listeners = PrepareListeners(options);
  if (!listeners.ok()) return Complain(listeners.error().in_use ? kUnavailable : kUsage, listeners.error().sentence);
  pool.Start();
  Broker broker(ToBrokerOptions(options), pool, std::move(paths));
  broker.walls = first->ready;
  broker.namespaces = spawner.Namespaces();
  broker.groups = groups;
  broker.posture = first->posture;
  (void)spawner::KillAndReap(first->worker);

  Daemon daemon(broker);
  if (auto serving = daemon.Serve(*listeners, options.mode); !serving.ok()) {
    return Complain(kUnavailable, serving.error());
  }
  if (const int refused = ConfineServing(); refused != kOk) return refused;
  LogInfo("serving", {{"version", std::string(kVersion)},
                      {"posture", std::string(walls::PostureName(broker.posture))},
                      {"address", options.listen.front()}});
  (void)::sd_notify(0, "READY=1");
  stop.SayReady();
  const std::optional<size_t> gone = stop.Wait(std::array{spawner.gone_fd(), listener_lost});
  const bool wanted = !gone;
  (void)::sd_notify(0, "STOPPING=1");
  // Without a spawner there will be no worker again, without a listener no caller: whoever watches over the daemon
  // starts it anew.
  if (gone) LogError(*gone == 0 ? "spawner-gone" : "listener-gone");
  LogInfo("stopping");
  // A private caller that is gone waits for nothing.
  const bool nobody_waits = !wanted || options.private_fd >= 0;
  daemon.Drain(std::chrono::seconds(nobody_waits ? 0 : options.drain_seconds));
  if (options.private_fd >= 0) RemoveEmptyDirectories(*listeners);
  return wanted ? kOk : kInternal;
}

int Main(int argc, char** argv) {
  // The broker holds what callers sent: no core dump, no reading of its memory by others of its user.
  (void)::prctl(PR_SET_DUMPABLE, 0);
  const ParsedOptions parsed = ParseOptions(argc, argv);
  if (!parsed.run) {
    (void)std::fputs(parsed.text.c_str(), parsed.exit_status == 0 ? stdout : stderr);
    return parsed.exit_status;
  }
  const Options& options = parsed.options;
  if (options.private_fd >= 0 && ::fcntl(options.private_fd, F_SETFD, FD_CLOEXEC) != 0) {
    return Complain(kUsage, "--private-fd is no open descriptor");
  }
  SetUpLog(options.log_level, options.format);
  TuneMalloc();
  RaiseDescriptorLimit();
  auto paths = PathSource::Open(options.roots);
  if (!paths.ok()) return Complain(kUsage, paths.error().failure().message());
  // Before the spawner, which is born into the broker's group.
  const Groups groups = PrepareGroups(options);
  auto spawner = spawner::SpawnerClient::Start(
      {options.worker, options.limits, options.without_namespaces, options.worker_users, groups.made});
  if (!spawner.ok()) return Complain(kBelowMinimum, Describe(spawner.error()));
  const StopSignal stop(options.private_fd);
  if (const int refused = Confine(options, groups.made ? groups.made->directory() : ""); refused != kOk) return refused;
  return Run(options, stop, **spawner, std::move(paths).value(), groups.evidence);
}

}  // namespace
}  // namespace airlock::server

int main(int argc, char** argv) { airlock::server::End(airlock::server::Main(argc, argv)); }
