#include "sandbox/spawner/spawner_process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "sandbox/spawner/control.h"

namespace airlock::spawner {
namespace {

// Above all numbers that the spawner's descriptors get.
constexpr int kSafeFd = 10;

Unexpected<SpawnError> Failure(std::string step, std::string remedy = "") {
  return Unexpected<SpawnError>{SpawnError{std::move(step), errno, std::move(remedy)}};
}

// Puts `sources` at 0, 1, 2 ... with nothing behind them. Async-signal-safe.
bool PlaceFds(std::array<int, 6> sources) {
  for (int& source : sources) {
    source = fcntl(source, F_DUPFD, kSafeFd);
    if (source < 0) return false;
  }
  for (size_t i = 0; i < sources.size(); ++i) {
    if (dup2(sources[i], static_cast<int>(i)) < 0) return false;
  }
  return close_range(kProgramFd + 1, ~0U, 0) == 0;
}

// In the child. Async-signal-safe.
[[noreturn]] void ExecuteSpawner(int control, int setup, int program) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = open("/dev/null", O_RDWR);
  if (null >= 0 && PlaceFds({null, null, null, control, setup, program})) {
    char name[] = "airlock-worker";
    char role[] = "spawner";
    char* const arguments[] = {name, role, nullptr};
    char* const environment[] = {nullptr};
    // The descriptor stays open: the spawner makes workers of it.
    syscall(SYS_execveat, kProgramFd, "", arguments, environment, AT_EMPTY_PATH);
  }
  _exit(127);
}

}  // namespace

SpawnResult<SpawnerProcess> StartSpawnerProcess(const std::string& program, int setup_fd) {
  const Fd program_fd(open(program.c_str(), O_PATH | O_CLOEXEC));
  if (!program_fd) return Failure("open " + program, "name the worker program with --worker");
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return Failure("socketpair");
  SpawnerProcess process;
  process.control = Fd(pair[0]);
  const Fd theirs(pair[1]);
  const pid_t pid = fork();
  if (pid < 0) return Failure("fork", "raise the limit on processes");
  if (pid == 0) ExecuteSpawner(theirs.get(), setup_fd, program_fd.get());
  process.pidfd = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process.pidfd) return Failure("pidfd_open", "Linux 5.4 or later");
  return process;
}

}  // namespace airlock::spawner
