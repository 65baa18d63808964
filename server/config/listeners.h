// Listeners: where the daemon can be reached, and who may.
//
// A unix socket is guarded by its mode and its directory. TCP wants a client certificate; without TLS it is served on
// loopback addresses only, and only if told so. A stale socket file is removed only where it is a socket that nobody
// answers.
#pragma once

#include <grpcpp/security/server_credentials.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "sandbox/base/expected.h"
#include "server/config/options.h"

namespace airlock::server {

struct Listener {
  // As gRPC has it: unix:/PATH or HOST:PORT.
  std::string address;
  std::shared_ptr<grpc::ServerCredentials> credentials;
  // Empty for TCP.
  std::string socket_path;
};

// Of the socket that carries descriptors, beside the unix socket of that path.
std::string FdSocketPath(const std::string& socket_path);

// Why a daemon cannot listen, as one sentence.
struct ListenFailure {
  std::string sentence;
  // Somebody else has the address: what was asked for is right, and may work another time.
  bool in_use = false;
};

// Checks everything that can be checked before serving.
Expected<std::vector<Listener>, ListenFailure> PrepareListeners(const Options& options);

// Takes away the directories of the unix sockets, as far as they are empty. Of a private daemon, whose caller made one
// for it and may be gone without a chance to remove it.
void RemoveEmptyDirectories(const std::vector<Listener>& listeners);

// Mode of new sockets while it lives: gRPC binds within ServerBuilder::BuildAndStart, by the umask.
class SocketModeScope {
 public:
  explicit SocketModeScope(mode_t mode);
  ~SocketModeScope();
  SocketModeScope(const SocketModeScope&) = delete;
  SocketModeScope& operator=(const SocketModeScope&) = delete;

 private:
  mode_t before_;
};

}  // namespace airlock::server
