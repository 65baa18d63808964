#include "server/grpc_log.h"

#include <grpc/support/log.h>
#include <sys/eventfd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "server/log.h"

namespace airlock::server {
namespace {

// Of iomgr/tcp_server_posix.cc. A test (tests/e2e/daemon.py) fails where another version says otherwise.
constexpr std::string_view kListenerLost = "Failed accept";

int listener_lost = -1;

void Take(gpr_log_func_args* line) {
  const std::string_view message = line->message;
  if (line->severity == GPR_LOG_SEVERITY_ERROR) LogError("grpc", {{"message", std::string(message)}});
  if (!message.starts_with(kListenerLost)) return;
  (void)::eventfd_write(listener_lost, 1);
}

}  // namespace

int WatchGrpcLog() {
  listener_lost = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  gpr_set_log_function(Take);
  return listener_lost;
}

}  // namespace airlock::server
