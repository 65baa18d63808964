// What a gRPC status means: the ErrorInfo that the daemon attached, or what the transport itself has to say.
#pragma once

#include <grpcpp/support/status.h>

#include "airlock/error.h"

namespace airlock {

// REQUIRES: !status.ok().
ClientError ErrorFromStatus(const grpc::Status& status);

}  // namespace airlock
