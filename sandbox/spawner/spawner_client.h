// The broker's side of the spawner: start it before gRPC and any thread, then ask it for workers.
//
// The spawner is a tiny single-threaded process (program airlock-worker, role "spawner"), started by fork and exec. It
// makes each worker with clone3(CLONE_PIDFD | CLONE_PARENT) and execveat, so that the broker is the worker's parent: it
// kills and reaps by pidfd, and the parent-death signal points at it. Nobody else forks. A worker reports READY on its
// own socket (proto/airlock/worker/v1/frame.proto); until the broker has read it the worker has seen no hostile byte.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sandbox/base/expected.h"
#include "sandbox/base/fd.h"
#include "sandbox/base/limits.h"
#include "sandbox/spawner/lodging.h"
#include "sandbox/spawner/spawn_error.h"
#include "sandbox/walls/layers.h"
#include "sandbox/walls/user_range.h"

namespace airlock::spawner {

struct SpawnerOptions {
  // Path of airlock-worker. Opened once; every worker is this very inode.
  std::string worker_program;
  // memory_bytes, cpu_seconds and output_bytes become rlimits of each worker.
  Limits limits;
  // For tests: leave out namespaces, as hosts that forbid them do.
  bool without_namespaces = false;
  // Not empty: each live worker is another user of it. Takes root, and fails without.
  walls::UserRange users;
  // Not null: each worker has a cgroup of its own, or is none.
  std::shared_ptr<WorkerGroups> groups;
};

// The longest names of the largest set of files, and some more. Longer than the kernel puts into one buffer of a
// socket, so that the worker reads it in pieces.
inline constexpr size_t kMaxJobBytes = size_t{96} << 10;

// One worker, from birth to reaping. The destructor kills and reaps. Movable; not thread-safe.
struct Worker {
  Worker() = default;
  Worker(Worker&&) noexcept = default;
  Worker& operator=(Worker&& other) noexcept;
  ~Worker();

  Fd socket;  // SOCK_STREAM, non-blocking on this side
  Fd pidfd;
  pid_t pid = -1;  // for logs only: never signalled by number
  Lodging lodging;

  // The layers that the broker itself has put around it: walls::kBrokersLayers or fewer.
  uint64_t layers() const { return lodging.group.layers() | (lodging.user.id() != 0 ? uint64_t{walls::kOwnUser} : 0); }
};

// What the host granted of one namespace, for doctor and logs.
struct NamespaceState {
  uint64_t layer = 0;    // walls::LayerBit
  int error_number = 0;  // 0: workers have it; ECANCELED: not tried
};

// How a worker ended.
struct Exit {
  bool by_signal = false;
  int code = 0;  // signal number, or exit status
  // The kernel killed it at the limit of its cgroup.
  bool out_of_memory = false;
};

// Thread-safe: Spawn may be called from any thread.
class SpawnerClient {
 public:
  // Forks and execs. REQUIRES: the caller has one thread and has not touched gRPC; that thread outlives the client, for
  // spawner and workers die with it. Also compiles the two filters and checks
  // them (walls/filter.h): a filter that is not exactly what the policy says is an error, never a weaker filter.
  static SpawnResult<std::unique_ptr<SpawnerClient>> Start(const SpawnerOptions& options);
  virtual ~SpawnerClient() = default;

  virtual SpawnResult<Worker> Spawn() = 0;

  // Readable once the spawner is gone, and no worker can be made any more; -1: it cannot be told.
  virtual int gone_fd() const { return -1; }

  // What the spawner found when it started; constant.
  virtual std::vector<NamespaceState> Namespaces() const { return {}; }
};

// Sends one Job (encoded, at most kMaxJobBytes; its length goes before it) with the descriptors, in one sendmsg.
// `inputs`: 1 to walls::kMaxInputs.
SpawnResult<void> SendJob(const Worker& worker, const std::string& encoded_job, std::span<const int> inputs,
                          int output_fd, int graph_fd);

// SIGKILL by pidfd, without waiting: the pidfd says when it is over. REQUIRES: it is there.
void Kill(const Worker& worker);
// Kills and waits. Idempotent through Worker: afterwards pidfd is closed.
Exit KillAndReap(Worker& worker);
// Waits up to `timeout_ms` for the worker to end by itself, then as KillAndReap.
Exit ReapWithin(Worker& worker, int timeout_ms);

}  // namespace airlock::spawner
