// How workers end: by pidfd only, for numbers are reused.
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "sandbox/base/fd_passing.h"
#include "sandbox/spawner/spawner_client.h"
#include "sandbox/walls/worker_fds.h"

namespace airlock::spawner {

Worker& Worker::operator=(Worker&& other) noexcept {
  if (this != &other) {
    KillAndReap(*this);
    socket = std::move(other.socket);
    pidfd = std::move(other.pidfd);
    pid = other.pid;
    lodging = std::move(other.lodging);
  }
  return *this;
}

Worker::~Worker() { KillAndReap(*this); }

SpawnResult<void> SendJob(const Worker& worker, const std::string& encoded_job, std::span<const int> inputs,
                          int output_fd, int graph_fd) {
  if (inputs.empty() || inputs.size() > walls::kMaxInputs) {
    return Unexpected<SpawnError>{SpawnError{"descriptors of the job", EINVAL, ""}};
  }
  if (encoded_job.size() > kMaxJobBytes) return Unexpected<SpawnError>{SpawnError{"size of the job", EMSGSIZE, ""}};
  const auto length = static_cast<uint32_t>(encoded_job.size());
  std::array<unsigned char, 4> prefix{};
  for (size_t i = 0; i < prefix.size(); ++i) prefix[i] = static_cast<unsigned char>(length >> (8 * i));
  std::string message(reinterpret_cast<const char*>(prefix.data()), prefix.size());
  message += encoded_job;
  // In the order of their numbers over there.
  std::vector<int> fds = {inputs.front(), output_fd, graph_fd};
  fds.insert(fds.end(), inputs.begin() + 1, inputs.end());
  if (!SendWithFds(worker.socket.get(), std::as_bytes(std::span(message)), fds)) {
    return Unexpected<SpawnError>{SpawnError{"sending the job", errno, ""}};
  }
  return {};
}

void Kill(const Worker& worker) { syscall(SYS_pidfd_send_signal, worker.pidfd.get(), SIGKILL, nullptr, 0); }

Exit KillAndReap(Worker& worker) {
  Exit exit;
  if (!worker.pidfd) return exit;
  Kill(worker);
  siginfo_t info{};
  int result = 0;
  do {
    result = waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(worker.pidfd.get()), &info, WEXITED | __WALL);
  } while (result != 0 && errno == EINTR);
  worker.pidfd.Close();
  // An end that nobody can tell us is no good one.
  exit.by_signal = result != 0 || info.si_code != CLD_EXITED;
  exit.code = result != 0 ? SIGKILL : info.si_status;
  exit.out_of_memory = exit.by_signal && worker.lodging.group.RanOutOfMemory();
  // A user that others may be, and a group that is gone, only now that nobody lives there.
  worker.lodging = {};
  return exit;
}

Exit ReapWithin(Worker& worker, int timeout_ms) {
  if (!worker.pidfd) return {};
  pollfd waiting{worker.pidfd.get(), POLLIN, 0};
  while (poll(&waiting, 1, timeout_ms) < 0 && errno == EINTR) {
  }
  return KillAndReap(worker);
}

}  // namespace airlock::spawner
