// Bytes through bare gRPC between two processes: what remains of a stream when all of Airlock is taken away.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace airlock::bench {

struct GrpcFloorOptions {
  std::string address;
  // A directory with ca.pem, server.pem, server.key, client.pem, client.key; empty: no TLS.
  std::string tls;
  size_t bytes = 0;
};

// Serves until stdin ends; prints "ready" once it does.
int ServeSlices(const GrpcFloorOptions& options);
// One round for each line on stdin, as round_loop.h.
int ReadSlices(const GrpcFloorOptions& options);

}  // namespace airlock::bench
