#include "server/stop_signal.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <vector>

namespace airlock::server {
namespace {

// Whether the other end is closed. What a caller writes there means nothing.
bool AtEndOfFile(int fd, short events) {
  if ((events & (POLLERR | POLLNVAL)) != 0) return true;
  if ((events & (POLLIN | POLLHUP)) == 0) return false;
  std::array<char, 64> ignored{};
  const ssize_t got = ::read(fd, ignored.data(), ignored.size());
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

}  // namespace

StopSignal::StopSignal(int private_fd) : private_fd_(private_fd) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC));
  (void)::signal(SIGPIPE, SIG_IGN);
  // A file that may not be as long as it has to be is one load's misfortune (EFBIG).
  (void)::signal(SIGXFSZ, SIG_IGN);
}

void StopSignal::SayReady() const {
  constexpr char kReady[] = "ready\n";
  if (private_fd_ >= 0) (void)!::write(private_fd_, kReady, sizeof(kReady) - 1);
}

std::optional<size_t> StopSignal::Wait(std::span<const int> gone_fds) const {
  std::vector<pollfd> fds = {{signals_.get(), POLLIN, 0}, {private_fd_, POLLIN, 0}};
  const size_t own = fds.size();
  for (const int fd : gone_fds) fds.push_back({fd, POLLIN, 0});
  while (true) {
    const int count = ::poll(fds.data(), fds.size(), -1);
    if (count < 0 && errno != EINTR) return std::nullopt;
    if (count <= 0) continue;
    if (fds[0].revents != 0) return std::nullopt;
    if (fds[1].revents != 0 && AtEndOfFile(private_fd_, fds[1].revents)) return std::nullopt;
    for (size_t i = own; i < fds.size(); ++i) {
      if (fds[i].revents != 0) return i - own;
    }
  }
}

}  // namespace airlock::server
