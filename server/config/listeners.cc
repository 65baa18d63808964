#include "server/config/listeners.h"

#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "sandbox/base/fd.h"

namespace airlock::server {
namespace {

Unexpected<ListenFailure> Wrong(std::string sentence) {
  return Unexpected<ListenFailure>{ListenFailure{std::move(sentence), false}};
}

Unexpected<ListenFailure> InUse(std::string sentence) {
  return Unexpected<ListenFailure>{ListenFailure{std::move(sentence), true}};
}

// Whether somebody accepts connections there.
bool Answers(const std::string& path) {
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int result = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  // EAGAIN: its backlog is full.
  return result == 0 || errno == EAGAIN;
}

// Of an absolute path.
std::string DirectoryOf(const std::string& path) {
  return path.rfind('/') == 0 ? "/" : path.substr(0, path.rfind('/'));
}

// The daemon's own walls let it write beneath directories that were there when it started and nowhere else, whoever it
// is: their EACCES would send the reader looking for rights that are not missing.
Unexpected<ListenFailure> CannotMake(const std::string& path, const std::string& directory, int error) {
  struct stat found {};
  const bool missing = ::stat(directory.c_str(), &found) != 0 && errno == ENOENT;
  const std::string why = missing ? directory + " does not exist and cannot be made" : std::strerror(error);
  return Wrong("--listen unix:" + path + ": " + why);
}

Expected<void, ListenFailure> CheckDirectory(const std::string& path) {
  const std::string directory = DirectoryOf(path);
  // Only the last level, and for its owner and group alone.
  if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST) return CannotMake(path, directory, errno);
  struct stat found {};
  if (::stat(directory.c_str(), &found) != 0) return Wrong("--listen unix:" + path + ": " + std::strerror(errno));
  // Its owner may put a socket of its own in the place of ours, and whatever it likes where we are about to listen.
  if (found.st_uid != 0 && found.st_uid != ::geteuid()) {
    return Wrong("--listen unix:" + path + ": " + directory + " is somebody else's");
  }
  if ((found.st_mode & S_IWOTH) != 0 && (found.st_mode & S_ISVTX) == 0) {
    return Wrong("--listen unix:" + path + ": anybody may replace files in " + directory);
  }
  return {};
}

Expected<void, ListenFailure> RemoveStale(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) return Wrong("--listen unix:" + path + ": a file that is no socket is there");
  if (Answers(path)) return InUse("--listen unix:" + path + ": another daemon answers there");
  (void)::unlink(path.c_str());
  return {};
}

Expected<Listener, ListenFailure> PrepareUnix(const std::string& path) {
  if (path.empty() || path[0] != '/') return Wrong("--listen unix:" + path + ": the path is not absolute");
  // The longer one of the two sockets.
  if (FdSocketPath(path).size() >= sizeof(sockaddr_un::sun_path)) {
    return Wrong("--listen unix:" + path + ": the path is too long");
  }
  AIRLOCK_TRY(CheckDirectory(path));
  AIRLOCK_TRY(RemoveStale(path));
  // Of a daemon that was there: no other one answers at `path`.
  AIRLOCK_TRY(RemoveStale(FdSocketPath(path)));
  return Listener{"unix:" + path, grpc::InsecureServerCredentials(), path};
}

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host == "[::1]" ||
         (host.substr(0, 4) == "127." && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

Expected<std::shared_ptr<grpc::ServerCredentials>, ListenFailure> MutualTls(const Options& options) {
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  const auto certificate = ReadFile(options.tls_cert);
  const auto key = ReadFile(options.tls_key);
  const auto authority = ReadFile(options.tls_client_ca);
  if (!certificate) return Wrong("--tls-cert " + options.tls_cert + ": cannot be read");
  if (!key) return Wrong("--tls-key " + options.tls_key + ": cannot be read");
  if (!authority) return Wrong("--tls-client-ca " + options.tls_client_ca + ": cannot be read");
  tls.pem_key_cert_pairs.push_back({*key, *certificate});
  tls.pem_root_certs = *authority;
  return grpc::SslServerCredentials(tls);
}

Expected<Listener, ListenFailure> PrepareTcp(const std::string& address, const Options& options) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return Wrong("--listen tcp:" + address + ": not tcp:HOST:PORT");
  const bool any_tls = !options.tls_cert.empty() || !options.tls_key.empty() || !options.tls_client_ca.empty();
  const bool all_tls = !options.tls_cert.empty() && !options.tls_key.empty() && !options.tls_client_ca.empty();
  if (all_tls) {
    AIRLOCK_ASSIGN(auto credentials, MutualTls(options));
    return Listener{address, std::move(credentials), ""};
  }
  if (any_tls) return Wrong("tcp wants all of --tls-cert, --tls-key and --tls-client-ca");
  if (!options.insecure_loopback) {
    return Wrong("--listen tcp:" + address + ": wants --tls-cert, --tls-key and --tls-client-ca");
  }
  if (!IsLoopback(std::string_view(address).substr(0, colon))) {
    return Wrong("--listen tcp:" + address + ": --insecure-loopback is for 127.0.0.0/8, [::1] and localhost only");
  }
  return Listener{address, grpc::InsecureServerCredentials(), ""};
}

}  // namespace

std::string FdSocketPath(const std::string& socket_path) { return socket_path + ".fd"; }

Expected<std::vector<Listener>, ListenFailure> PrepareListeners(const Options& options) {
  constexpr std::string_view kUnix = "unix:";
  constexpr std::string_view kTcp = "tcp:";
  std::vector<Listener> listeners;
  for (const std::string& listen : options.listen) {
    if (listen.starts_with(kUnix)) {
      AIRLOCK_ASSIGN(Listener listener, PrepareUnix(listen.substr(kUnix.size())));
      listeners.push_back(std::move(listener));
    } else if (listen.starts_with(kTcp)) {
      AIRLOCK_ASSIGN(Listener listener, PrepareTcp(listen.substr(kTcp.size()), options));
      listeners.push_back(std::move(listener));
    } else {
      return Wrong("--listen " + listen + ": neither unix:/PATH nor tcp:HOST:PORT");
    }
  }
  return listeners;
}

void RemoveEmptyDirectories(const std::vector<Listener>& listeners) {
  for (const Listener& listener : listeners) {
    if (!listener.socket_path.empty()) (void)::rmdir(DirectoryOf(listener.socket_path).c_str());
  }
}

SocketModeScope::SocketModeScope(mode_t mode) : before_(::umask(0777 & ~mode)) {}
SocketModeScope::~SocketModeScope() { ::umask(before_); }

}  // namespace airlock::server
