// Channels: how a client reaches a daemon.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "airlock/client.h"

namespace airlock {

// Usage error (exit code 64) where the address is not one, or where it would send a checkpoint in the clear.
ClientResult<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address, const TlsOptions& tls);

}  // namespace airlock
