#include "client/cpp/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <fstream>
#include <sstream>
#include <string_view>

namespace airlock {
namespace {

constexpr int kReconnectMs = 100;
constexpr int kMaxFrameBytes = 1 << 20;  // as large as a message: a quarter faster than the default of 16 KiB

Unexpected<ClientError> Usage(std::string message) {
  return Unexpected{MakeError(v1::OUTCOME_BAD_REQUEST, std::move(message))};
}

ClientResult<std::string> ReadPem(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) return Usage("cannot read " + path);
  return text.str();
}

// Names that only begin like an address are somebody's on the internet.
bool OnLoopback(std::string_view address) {
  const std::string_view host = address.substr(address.rfind('/') + 1);
  const bool number = host.find_first_not_of("0123456789.:") == std::string_view::npos;
  return host.starts_with("localhost:") || host.starts_with("[::1]:") || (host.starts_with("127.") && number);
}

ClientResult<std::shared_ptr<grpc::ChannelCredentials>> Credentials(const std::string& address, const TlsOptions& tls) {
  const bool any = !tls.ca_file.empty() || !tls.certificate_file.empty() || !tls.key_file.empty();
  const bool all = !tls.ca_file.empty() && !tls.certificate_file.empty() && !tls.key_file.empty();
  if (any && !all) return Usage("TLS needs all of CA, certificate and key");
  if (address.starts_with("unix:")) {
    if (any) return Usage("TLS is for dns: addresses; a unix socket knows its callers by itself");
    return grpc::InsecureChannelCredentials();
  }
  if (!any) {
    if (!OnLoopback(address)) return Usage("an address outside this machine needs TLS: CA, certificate and key");
    return grpc::InsecureChannelCredentials();
  }
  grpc::SslCredentialsOptions options;
  AIRLOCK_ASSIGN(options.pem_root_certs, ReadPem(tls.ca_file));
  AIRLOCK_ASSIGN(options.pem_cert_chain, ReadPem(tls.certificate_file));
  AIRLOCK_ASSIGN(options.pem_private_key, ReadPem(tls.key_file));
  return grpc::SslCredentials(options);
}

}  // namespace

ClientResult<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address, const TlsOptions& tls) {
  const bool unix_socket = address.starts_with("unix:/") || address.starts_with("unix:///");
  const bool dns = address.starts_with("dns:///") && address.rfind(':') > address.rfind('/');
  if (!unix_socket && !dns) return Usage("not an address: " + address + " (unix:/path or dns:///host:port)");
  AIRLOCK_ASSIGN(const auto credentials, Credentials(address, tls));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kMaxFrameBytes);
  // Never a retry: a replayed upload can be cut short and still look whole. DNS may not bring a policy in either.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // A daemon of this machine that comes back is there at once; gRPC would wait up to two minutes before it looks again.
  if (unix_socket) {
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMs);
  }
  // Clients of one process do not share connections: each ends with its client.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

}  // namespace airlock
