#include "sandbox/spawner/spawner.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "sandbox/base/fd_passing.h"
#include "sandbox/spawner/control.h"
#include "sandbox/spawner/worker_launch.h"
#include "sandbox/spawner/worker_setup.h"
#include "sandbox/walls/filter_load.h"
#include "sandbox/walls/process_walls.h"

namespace airlock::spawner {
namespace {

// A terminal's or a service manager's signals are for the broker, which drains; we end when it does. Workers inherit
// this.
void IgnoreSignals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ}) std::signal(number, SIG_IGN);
  setsid();
}

// Root becomes nobody. A root that is alone in its user namespace cannot, and goes on as it is: workers lose all
// capabilities anyway.
walls::WallResult LeaveRoot() {
  walls::WallResult dropped = walls::DropUser();
  if (!dropped.ok() && (dropped.error().error_number == EINVAL || dropped.error().error_number == EPERM)) return {};
  return dropped;
}

// The kernel's first choice when memory runs out: a decoder, whatever it has, before the broker. Workers inherit it.
void VolunteerForOom() {
  const Fd score(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (score) (void)!write(score.get(), "1000", 4);
}

// Who makes a user namespace may trace what is in there, dumpable or not. So root makes it as root, and puts into it
// the users of its range, or nobody alone: a process of nobody's elsewhere then has no rights over workers. Where root
// cannot, as in a container without these users, it makes it as nobody.
walls::WallResult EnterNamespaces(const WorkerSetup& setup, walls::NamespaceReport& report) {
  const auto probe = [&](const walls::UserRange& users) {
    return setup.without_namespaces != 0 ? walls::NoNamespaces(ECANCELED) : walls::ProbeNamespaces(users);
  };
  walls::UserRange users = setup.users.count != 0 ? setup.users : walls::UsersOfRoot();
  report = probe(users);
  if (setup.users.count == 0 && (report.Layers() & walls::kUserNamespace) == 0) {
    AIRLOCK_TRY(LeaveRoot());
    if (users.count != 0) report = probe({});
    users = {};
  }
  return walls::EnterSharedNamespaces(report.Layers(), users);
}

walls::WallResult Settle(const WorkerSetup& setup, walls::NamespaceReport& report) {
  IgnoreSignals();
  // Workers are made of it and must not have it.
  if (fcntl(kProgramFd, F_SETFD, FD_CLOEXEC) != 0) return walls::WallFailure("descriptor of the program", errno);
  VolunteerForOom();
  AIRLOCK_TRY(EnterNamespaces(setup, report));
  const bool still_root = setup.users.count != 0 && (report.Layers() & walls::kUserNamespace) == 0;
  if (still_root) AIRLOCK_TRY(walls::BecomeChangerOfUsers(setup.users.base));
  // After the change of user, which clears it.
  AIRLOCK_TRY(walls::DieWithParent(setup.broker_pid));
  AIRLOCK_TRY(walls::BecomeNonDumpable());
  AIRLOCK_TRY(walls::ForbidNewPrivileges());
  return walls::LoadFilter(setup.spawner.Program());
}

bool SayHello(const walls::WallResult& settled, const walls::NamespaceReport& report) {
  Hello hello;
  hello.namespaces = report;
  if (!settled.ok()) hello.failure.Set(settled.error().step, settled.error().error_number);
  return SendWithFds(kControlFd, BytesOf(hello), {});
}

// With a range every worker has one of its users, never our own; without, none.
bool IsFor(const walls::UserRange& users, uint32_t user) {
  return users.count == 0 ? user == 0 : users.Contains(user) && user != users.base;
}

// One request. False: the broker is gone or talks nonsense, and we end.
bool Serve(WorkerLauncher& launcher, const walls::UserRange& users) {
  SpawnRequest request;
  std::array<Fd, 2> fds;  // socket, directory of the group
  const Received received = ReceiveWithFds(kControlFd, WritableBytesOf(request), fds);
  if (received.size != static_cast<long>(sizeof(request)) || request.magic != kControlMagic) return false;
  if (received.fd_count == 0 || !IsFor(users, request.user)) return false;
  const LaunchedWorker worker = launcher.Launch(fds[0].get(), fds[1].get(), request.user);
  SpawnReply reply;
  reply.pid = worker.pid;
  if (worker.failure.error_number != 0) reply.failure.Set(worker.failure.step, worker.failure.error_number);
  const int pidfd = worker.pidfd.get();
  return SendWithFds(kControlFd, BytesOf(reply), std::span(&pidfd, pidfd >= 0 ? 1 : 0));
}

}  // namespace

int RunSpawner() {
  walls::NamespaceReport report = walls::NoNamespaces(ECANCELED);
  const auto setup = ReadWorkerSetup(kSetupFd);
  const walls::WallResult settled =
      setup ? Settle(*setup, report) : walls::WallResult(walls::WallFailure("reading the set-up", EINVAL));
  if (!SayHello(settled, report) || !settled.ok()) return 72;
  WorkerLauncher launcher(report.Layers(), setup->broker_pid);
  while (Serve(launcher, setup->users)) {
  }
  return 0;
}

}  // namespace airlock::spawner
