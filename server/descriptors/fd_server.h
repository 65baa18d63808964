// FdServer: the fd sockets, one beside each unix socket of the daemon, served by one thread that never waits for
// anybody.
//
// Descriptors of callers are closed elsewhere (closer.h); a user with too many that are not closed yet is not heard.
// A peer that sends nothing, or does not read, costs one connection, of which it may have a few and all have a bounded
// number; idle ones are closed. A reply that does not fit into the peer's socket closes the connection. Each round
// takes at most one packet of each connection, so nobody is served twice before everybody was served once.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/base/expected.h"
#include "sandbox/base/fd.h"
#include "server/descriptors/closer.h"
#include "server/descriptors/descriptor_desk.h"
#include "server/pool/cancellation.h"

namespace airlock::server {

struct FdServerOptions {
  size_t most_of_a_user = 32;
  size_t most = 256;
  std::chrono::milliseconds idle{60'000};
};

class FdServer {
 public:
  // Takes listening sockets. `desk` must outlive the server.
  FdServer(DescriptorDesk& desk, std::vector<Fd> listeners, const FdServerOptions& options = {});
  // Closes all connections.
  ~FdServer();
  FdServer(const FdServer&) = delete;
  FdServer& operator=(const FdServer&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  struct Connection {
    Fd socket;
    Peer peer;
    Clock::time_point heard;
  };

  void Run();
  void Accept(int listener);
  // False where the connection is to be closed.
  bool Serve(Connection& connection, short events);
  void Drop(std::vector<Connection>::iterator connection);
  void DropIdle();

  DescriptorDesk& desk_;
  Closer closer_;
  const std::vector<Fd> listeners_;
  const FdServerOptions options_;
  std::vector<Connection> connections_;
  std::map<uid_t, size_t> of_user_;
  // Out of descriptors: nobody is let in until then.
  Clock::time_point closed_until_;
  Cancellation stop_;
  std::thread thread_;
};

// A listening fd socket at `path`, which must not exist.
Expected<Fd, std::string> ListenForDescriptors(const std::string& path, mode_t mode);

}  // namespace airlock::server
