// Daemon: the gRPC server around a broker, from its listeners to its drain.
//
// Not thread-safe: main() alone uses it.
#pragma once

#include <grpcpp/server.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/expected.h"
#include "server/config/listeners.h"
#include "server/descriptors/fd_server.h"
#include "server/service/broker.h"
#include "server/service/loader_service.h"
#include "server/wakefulness.h"

namespace airlock::server {

// malloc as bulk streaming wants it: buffers of up to some MiB stay in the heap instead of being mapped anew for each
// piece, and what is free beyond a bound goes back. Call before any thread.
void TuneMalloc();

class Daemon {
 public:
  // `broker` must outlive the daemon.
  explicit Daemon(Broker& broker) : broker_(broker), service_(broker) {}

  // Fails with one sentence.
  Expected<void, std::string> Serve(const std::vector<Listener>& listeners, uint32_t socket_mode);
  // Takes no new load, lets the running ones go on for `patience`, then ends them.
  void Drain(std::chrono::seconds patience);

 private:
  Expected<void, std::string> ServeDescriptors(const std::vector<Listener>& listeners, uint32_t socket_mode);
  void TellHealth();

  Broker& broker_;
  LoaderService service_;
  std::unique_ptr<FdServer> descriptors_;
  std::unique_ptr<grpc::Server> server_;
  std::optional<Wakefulness> wakefulness_;
  std::vector<std::string> sockets_;
};

}  // namespace airlock::server
