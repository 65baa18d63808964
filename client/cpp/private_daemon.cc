#include "client/cpp/private_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <vector>

#include "airlock/words.h"

extern char** environ;

namespace airlock {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kPrivateFd = 3;          // the daemon's end of the socket pair
constexpr size_t kMaxDirectory = 80;   // a unix socket's path has at most 107 bytes
constexpr int kBelowMinimum = 78;      // airlockd's exit code for missing walls
constexpr milliseconds kGrace{3'000};  // for the daemon to end by itself
constexpr std::string_view kReady = "ready\n";

ClientError Unavailable(std::string message) { return MakeError(v1::OUTCOME_UNAVAILABLE, std::move(message)); }

std::string BesideThisProgram() {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  if (length <= 0 || length == sizeof self) return {};
  const std::string path(self, static_cast<size_t>(length));
  return path.substr(0, path.rfind('/')) + "/airlockd";
}

// The environment without what would make the daemon serve others, or speak to the caller's service manager.
bool IsForDaemon(std::string_view variable) {
  for (std::string_view dropped : {"AIRLOCK_LISTEN=", "AIRLOCK_ROOT=", "AIRLOCK_CONFIG=", "AIRLOCK_TLS_",
                                   "AIRLOCK_INSECURE_", "AIRLOCK_SOCKET_MODE=", "AIRLOCK_PRIVATE_FD=", "NOTIFY_SOCKET=",
                                   "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=", "WATCHDOG_"}) {
    if (variable.starts_with(dropped)) return false;
  }
  return true;
}

std::vector<char*> DaemonEnvironment() {
  std::vector<char*> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (IsForDaemon(*variable)) kept.push_back(*variable);
  }
  kept.push_back(nullptr);
  return kept;
}

// What the child gets: stdin and stdout nowhere, stderr in the log, its end of the socket pair, and nothing else.
class SpawnPlan {
 public:
  SpawnPlan(int log, int private_fd) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, log, 2);
    posix_spawn_file_actions_adddup2(&actions_, private_fd, kPrivateFd);
    posix_spawn_file_actions_addclosefrom_np(&actions_, kPrivateFd + 1);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    // Its own process group: Ctrl-C is for the caller, who then ends the daemon.
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  int Run(const std::vector<std::string>& arguments, pid_t* pid) const {
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const std::vector<char*> environment = DaemonEnvironment();
    return posix_spawn(pid, argv[0], &actions_, &attributes_, argv.data(), environment.data());
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// The descriptor above those that the child's are moved to: dup2 must not overwrite one that is still needed.
Fd Above(Fd fd) {
  if (!fd || fd.get() > kPrivateFd) return fd;
  return Fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, kPrivateFd + 1));
}

// Waits for the child to end; true once it is reaped.
bool Reap(pid_t pid, milliseconds timeout, int* status) {
  const auto deadline = steady_clock::now() + timeout;
  for (milliseconds pause{1};; pause = std::min(pause * 2, milliseconds(20))) {
    const pid_t done = waitpid(pid, status, WNOHANG);
    if (done == pid || (done < 0 && errno == ECHILD)) return true;
    if (steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

std::string FindDaemon(const PrivateOptions& options) {
  if (!options.daemon.empty()) return options.daemon;
  if (const char* named = getenv("AIRLOCK_DAEMON"); named != nullptr && *named != '\0') return named;
  for (const std::string& path : {BesideThisProgram(), std::string("/usr/libexec/airlock/airlockd")}) {
    if (!path.empty() && access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

ClientResult<std::unique_ptr<PrivateDaemon>> PrivateDaemon::Start(const PrivateOptions& options) {
  const std::string program = FindDaemon(options);
  if (program.empty()) {
    return Unexpected{
        Unavailable("airlockd was found neither beside this program nor in /usr/libexec/airlock; set AIRLOCK_DAEMON")};
  }
  std::unique_ptr<PrivateDaemon> daemon(new PrivateDaemon);
  AIRLOCK_TRY(daemon->MakeDirectory());
  AIRLOCK_TRY(daemon->Spawn(options, program));
  AIRLOCK_TRY(daemon->AwaitReady(options.start_timeout));
  return daemon;
}

ClientResult<void> PrivateDaemon::MakeDirectory() {
  for (const char* variable : {"XDG_RUNTIME_DIR", "TMPDIR", ""}) {
    const char* base = *variable == '\0' ? "/tmp" : getenv(variable);
    if (base == nullptr || *base != '/' || strlen(base) > kMaxDirectory) continue;
    std::string name = std::string(base) + "/airlock-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) continue;  // 0700
    directory_ = name;
    return {};
  }
  return Unexpected{Unavailable(std::string("no directory for a private daemon's socket: ") + strerror(errno))};
}

ClientResult<void> PrivateDaemon::Spawn(const PrivateOptions& options, const std::string& program) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return Unexpected{Unavailable("no socket pair")};
  keep_alive_ = Fd(pair[0]);
  const Fd theirs = Above(Fd(pair[1]));
  log_ = Above(Fd(memfd_create("airlockd-log", MFD_CLOEXEC)));
  if (!theirs || !log_) return Unexpected{Unavailable("no descriptors for a private daemon")};
  std::vector<std::string> arguments = {
      program, "--private-fd", std::to_string(kPrivateFd), "--listen", address(), "--root", "/", "--log-level", "warn"};
  if (options.minimum_posture != v1::POSTURE_UNSPECIFIED) {
    arguments.insert(arguments.end(), {"--minimum-posture", Word(options.minimum_posture)});
  }
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  const int error = SpawnPlan(log_.get(), theirs.get()).Run(arguments, &pid_);
  if (error == 0) return {};
  pid_ = -1;
  return Unexpected{Unavailable("cannot start " + program + ": " + strerror(error))};
}

ClientResult<void> PrivateDaemon::AwaitReady(milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  std::string heard;
  while (heard.size() < kReady.size()) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return Unexpected{Unavailable("the private daemon did not start in time")};
    pollfd wait{keep_alive_.get(), POLLIN, 0};
    const int ready = poll(&wait, 1, static_cast<int>(std::min<int64_t>(left.count(), INT_MAX)));
    if (ready < 0 && errno != EINTR) return Unexpected{Unavailable("cannot wait for the private daemon")};
    if (ready <= 0) continue;
    char buffer[kReady.size()];
    const ssize_t length = recv(keep_alive_.get(), buffer, kReady.size() - heard.size(), 0);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return Unexpected{Died()};
    heard.append(buffer, static_cast<size_t>(length));
  }
  if (heard != kReady) return Unexpected{Unavailable("the private daemon said something else than that it is ready")};
  return {};
}

ClientError PrivateDaemon::Died() {
  int status = 0;
  const bool gone = Reap(pid_, kGrace, &status);
  if (gone) pid_ = -1;
  std::string words = LastWords();
  if (gone && WIFEXITED(status) && WEXITSTATUS(status) == kBelowMinimum) {
    ClientError error = Unavailable(words.empty() ? "this machine cannot raise the walls" : words);
    error.exit_code = kBelowMinimum;
    return error;
  }
  return Unavailable("the private daemon ended before it served" + (words.empty() ? "" : ": " + words));
}

std::string PrivateDaemon::LastWords() const {
  struct stat status = {};
  if (fstat(log_.get(), &status) != 0) return {};
  std::array<char, 4096> buffer;
  const off_t start = std::max<off_t>(0, status.st_size - static_cast<off_t>(buffer.size()));
  const ssize_t length = pread(log_.get(), buffer.data(), buffer.size(), start);
  std::string text(buffer.data(), length > 0 ? static_cast<size_t>(length) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

PrivateDaemon::~PrivateDaemon() {
  keep_alive_.Close();
  int status = 0;
  if (pid_ > 0 && !Reap(pid_, kGrace, &status)) {
    kill(pid_, SIGKILL);
    Reap(pid_, kGrace, &status);
  }
  if (directory_.empty()) return;
  unlink(socket_path().c_str());
  rmdir(directory_.c_str());
}

}  // namespace airlock
