// Which daemon the command line speaks to.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "airlock/client.h"
#include "client/cli/options.h"

namespace airlock::cli {

// --address, else $AIRLOCK_ADDRESS; empty for a private daemon.
std::string AddressOf(const Options& options);

// --tls-ca, --tls-cert, --tls-key; for an address on TCP each else from the environment: $AIRLOCK_TLS_CA, _CERT, _KEY.
TlsOptions TlsOf(const Options& options);

// The client of a command: connected, or started as a private daemon, when the first file needs it. Files of this
// machine that cannot be read need none. A daemon whose walls are below the minimum of `private_options` is an error,
// whoever started it.
class Session {
 public:
  explicit Session(const Options& options, PrivateOptions private_options = {})
      : options_(options), private_options_(std::move(private_options)) {}

  ClientResult<const Client*> Get();
  // After a look at the file, where it is one of this machine.
  ClientResult<const Client*> For(const std::string& file);

 private:
  ClientResult<Client> Make() const;

  const Options& options_;
  const PrivateOptions private_options_;
  std::optional<ClientResult<Client>> client_;
};

// What the options ask of a private daemon, and of its walls of any daemon.
PrivateOptions PrivateOptionsOf(const Options& options);

// The posture of a word; UNSPECIFIED for none.
v1::Posture PostureOf(const std::string& word);

// FILE!MEMBER as the file (or folder) and the member; a file that is there under the whole name is that file.
std::pair<std::string, std::string> SplitMember(const Options& options, const std::string& file);
// What to open. A relative path for a daemon of this machine is one of ours; elsewhere the daemon says that it is none.
Source SourceOf(const Options& options, const std::string& file);
// The path from the root on. Only the ".." in front are taken away: behind a name they may lead out of a symbolic link,
// which is for the daemon to judge.
std::string AbsolutePath(const std::string& file);
LoadOptions LoadOptionsOf(const Options& options);

}  // namespace airlock::cli
