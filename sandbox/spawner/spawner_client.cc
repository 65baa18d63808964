#include "sandbox/spawner/spawner_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <string_view>

#include "sandbox/base/fd_passing.h"
#include "sandbox/spawner/control.h"
#include "sandbox/spawner/spawner_process.h"
#include "sandbox/spawner/worker_setup_make.h"

namespace airlock::spawner {
namespace {

// The spawner answers within a few milliseconds; one that does not is broken for good.
constexpr timeval kPatience{10, 0};

Unexpected<SpawnError> Failure(std::string step, int error_number, std::string remedy = "") {
  return Unexpected<SpawnError>{SpawnError{std::move(step), error_number, std::move(remedy)}};
}

std::string RemedyFor(const StepFailure& failure) {
  if (std::string_view(failure.step).starts_with("users: "))
    return "--worker-uids takes root with CAP_SETUID and CAP_SETGID, and in user namespaces ids that are mapped there";
  if (failure.error_number == EACCES) return "the worker program must be executable by everybody (chmod 755)";
  if (failure.error_number == EAGAIN) return "raise the limit on processes (TasksMax, ulimit -u, pids.max)";
  if (failure.error_number == EPERM) return "the host forbids this step: see `airlock doctor`";
  return "";
}

Unexpected<SpawnError> Failure(const StepFailure& failure) {
  return Failure(failure.step, failure.error_number, RemedyFor(failure));
}

class ProcessClient final : public SpawnerClient {
 public:
  ProcessClient(SpawnerProcess process, const SpawnerOptions& options)
      : control_(std::move(process.control)), groups_(options.groups) {
    spawner_.pidfd = std::move(process.pidfd);
    if (options.users.count != 0) users_ = UserIds::Of(options.users);
  }

  SpawnResult<void> Greet() {
    Hello hello;
    const Received received = ReceiveWithFds(control_.get(), WritableBytesOf(hello));
    if (received.size != static_cast<long>(sizeof(hello)) || hello.magic != kControlMagic) {
      return Failure("start of airlock-worker as spawner", received.size < 0 ? errno : ENOEXEC,
                     "the worker program must be executable by everybody, and of the same build");
    }
    if (hello.failure.error_number != 0) return Failure(hello.failure);
    for (const auto& row : hello.namespaces.rows) namespaces_.push_back({row.layer, row.error_number});
    return {};
  }

  SpawnResult<Worker> Spawn() override {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return Failure("socketpair", errno);
    Worker worker;
    worker.socket = Fd(pair[0]);
    const Fd theirs(pair[1]);
    if (fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0) return Failure("fcntl", errno);
    AIRLOCK_ASSIGN(worker.lodging, FindLodging());
    SpawnReply reply;
    AIRLOCK_TRY(Ask(theirs.get(), reply, worker));
    worker.pid = reply.pid;
    // Dead already in this case; the destructor reaps it.
    if (reply.failure.error_number != 0) return Failure(reply.failure);
    if (!worker.pidfd) return Failure("pidfd of the worker", EBADMSG);
    if (worker.lodging.group) AIRLOCK_TRY(worker.lodging.group.Admit(worker.pid));
    return worker;
  }

  int gone_fd() const override { return spawner_.pidfd.get(); }

  std::vector<NamespaceState> Namespaces() const override { return namespaces_; }

 private:
  SpawnResult<Lodging> FindLodging() {
    Lodging lodging;
    if (users_) {
      auto user = users_->Take();
      if (!user) return Failure("a user for the worker", EBUSY, "a larger range: --worker-uids");
      lodging.user = std::move(*user);
    }
    if (groups_) {
      AIRLOCK_ASSIGN(lodging.group, groups_->Make());
    }
    return lodging;
  }

  // One exchange. Nothing was sent where sending fails: for want of memory, or of descriptors that may be on their way,
  // which the next one need not meet. Where the answer fails, the next one could not be told from it: then the spawner
  // ends, which gone_fd says.
  SpawnResult<void> Ask(int socket, SpawnReply& reply, Worker& worker) {
    const std::lock_guard lock(mutex_);
    if (broken_) return Failure("spawner", EPIPE, "the spawner is gone: restart the daemon");
    SpawnRequest request;
    request.user = worker.lodging.user.id();
    const std::array fds = {socket, worker.lodging.group.fd()};
    if (!SendWithFds(control_.get(), BytesOf(request), std::span(fds).first(worker.lodging.group ? 2 : 1)))
      return Failure("asking the spawner", errno);
    broken_ = true;
    const Received received = ReceiveWithFds(control_.get(), WritableBytesOf(reply), {&worker.pidfd, 1});
    if (received.size != static_cast<long>(sizeof(reply)) || reply.magic != kControlMagic) {
      const int error_number = received.size < 0 ? errno : EPIPE;
      Kill(spawner_);
      return Failure("answer of the spawner", error_number);
    }
    broken_ = false;
    return {};
  }

  Worker spawner_;  // killed and reaped like a worker
  Fd control_;
  std::shared_ptr<WorkerGroups> groups_;
  std::shared_ptr<UserIds> users_;
  std::vector<NamespaceState> namespaces_;
  std::mutex mutex_;
  bool broken_ = false;
};

}  // namespace

SpawnResult<std::unique_ptr<SpawnerClient>> SpawnerClient::Start(const SpawnerOptions& options) {
  AIRLOCK_ASSIGN(const Fd setup, MakeWorkerSetup(options));
  AIRLOCK_ASSIGN(SpawnerProcess process, StartSpawnerProcess(options.worker_program, setup.get()));
  if (setsockopt(process.control.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience)) != 0) {
    return Failure("setsockopt", errno);
  }
  auto client = std::make_unique<ProcessClient>(std::move(process), options);
  AIRLOCK_TRY(client->Greet());
  return std::unique_ptr<SpawnerClient>(std::move(client));
}

}  // namespace airlock::spawner
