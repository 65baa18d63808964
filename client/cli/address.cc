#include "client/cli/address.h"

#include <cmath>
#include <cstdlib>

#include "airlock/words.h"

namespace airlock::cli {

std::string AddressOf(const Options& options) {
  if (!options.address.empty()) return options.address;
  const char* address = getenv("AIRLOCK_ADDRESS");
  return address == nullptr ? "" : address;
}

v1::Posture PostureOf(const std::string& word) {
  for (v1::Posture posture : {v1::POSTURE_FILTER_ONLY, v1::POSTURE_NESTED, v1::POSTURE_FULL}) {
    if (Word(posture) == word) return posture;
  }
  return v1::POSTURE_UNSPECIFIED;
}

Result<Client> MakeClient(const Options& options, const PrivateOptions& private_options) {
  const std::string address = AddressOf(options);
  if (!address.empty()) return Client::Connect(address, {options.tls_ca, options.tls_cert, options.tls_key});
  if (options.server_path) return Unexpected{MakeError(v1::OUTCOME_BAD_REQUEST, "--server-path needs --address")};
  return Client::Private(private_options);
}

Source SourceOf(const Options& options, const std::string& file) {
  return options.server_path ? Source::OnServer(file) : Source::File(file);
}

LoadOptions LoadOptionsOf(const Options& options) {
  LoadOptions load;
  load.timeout = std::chrono::milliseconds(std::llround(std::ceil(options.timeout * 1e3)));
  load.inert = options.inert;
  return load;
}

}  // namespace airlock::cli
