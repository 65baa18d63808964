// PrivateDaemon: an airlockd for this process alone, behind a socket in a directory that only this user can enter.
//
// It holds one end of a socket pair and ends when the other end closes: with this object, or with this process however
// that ends. Started with posix_spawn: a process that runs gRPC must never fork.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "airlock/client.h"
#include "sandbox/base/fd.h"

namespace airlock {

class PrivateDaemon {
 public:
  // Returns when the daemon serves.
  static ClientResult<std::unique_ptr<PrivateDaemon>> Start(const PrivateOptions& options);
  ~PrivateDaemon();
  PrivateDaemon(const PrivateDaemon&) = delete;
  PrivateDaemon& operator=(const PrivateDaemon&) = delete;

  // unix:/...
  std::string address() const { return "unix:" + socket_path(); }
  pid_t pid() const { return pid_; }

 private:
  PrivateDaemon() = default;
  std::string socket_path() const { return directory_ + "/airlockd.sock"; }
  ClientResult<void> MakeDirectory();
  ClientResult<void> Spawn(const PrivateOptions& options, const std::string& program);
  ClientResult<void> AwaitReady(std::chrono::milliseconds timeout);
  // Why it ended, from its exit status and its last words.
  ClientError Died();
  std::string LastWords() const;

  std::string directory_;
  Fd keep_alive_;
  // What it writes to stderr: a file in memory, read if it dies.
  Fd log_;
  pid_t pid_ = -1;
};

// The daemon to start: see PrivateOptions::daemon. Empty if there is none.
std::string FindDaemon(const PrivateOptions& options);

}  // namespace airlock
