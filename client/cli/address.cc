#include "client/cli/address.h"

#include <cmath>
#include <cstdlib>

#include "airlock/words.h"
#include "client/cpp/local_file.h"

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

PrivateOptions PrivateOptionsOf(const Options& options) {
  PrivateOptions private_options;
  private_options.minimum_posture = PostureOf(options.minimum_posture);
  return private_options;
}

Result<const Client*> Session::Get() {
  if (!client_) {
    const std::string address = AddressOf(options_);
    if (!address.empty()) {
      client_ = Client::Connect(address, {options_.tls_ca, options_.tls_cert, options_.tls_key});
    } else if (options_.server_path) {
      return Unexpected{MakeError(v1::OUTCOME_BAD_REQUEST, "--server-path needs --address")};
    } else {
      client_ = Client::Private(private_options_);
    }
  }
  if (!client_->ok()) return Unexpected{client_->error()};
  return &client_->value();
}

Result<const Client*> Session::For(const std::string& file) {
  if (!options_.server_path) {
    const Result<LocalFile> there = OpenLocalFile(file);
    if (!there.ok()) return Unexpected{there.error()};
  }
  return Get();
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
