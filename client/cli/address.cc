#include "client/cli/address.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "airlock/words.h"
#include "client/cpp/local_file.h"
#include "client/cpp/local_folder.h"

namespace airlock::cli {

std::string AddressOf(const Options& options) {
  if (!options.address.empty()) return options.address;
  const char* address = getenv("AIRLOCK_ADDRESS");
  return address == nullptr ? "" : address;
}

TlsOptions TlsOf(const Options& options) {
  TlsOptions tls{options.tls_ca, options.tls_cert, options.tls_key};
  // On a unix socket nobody has a certificate, and the environment may be there for other calls, or for airlockd, whose
  // variables have two of these names.
  if (!AddressOf(options).starts_with("dns:")) return tls;
  const auto complete = [](std::string& file, const char* variable) {
    const char* value = getenv(variable);
    if (file.empty() && value != nullptr) file = value;
  };
  complete(tls.ca_file, "AIRLOCK_TLS_CA");
  complete(tls.certificate_file, "AIRLOCK_TLS_CERT");
  complete(tls.key_file, "AIRLOCK_TLS_KEY");
  return tls;
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

ClientResult<Client> Session::Make() const {
  const std::string address = AddressOf(options_);
  if (address.empty() && options_.server_path) {
    return Unexpected{MakeError(v1::OUTCOME_BAD_REQUEST, "--server-path needs --address")};
  }
  if (address.empty()) return Client::Private(private_options_);
  AIRLOCK_ASSIGN(Client client, Client::Connect(address, TlsOf(options_)));
  // Before it sees a file. (A private daemon does not start below the minimum.)
  const v1::Posture minimum = private_options_.minimum_posture;
  if (minimum == v1::POSTURE_UNSPECIFIED) return client;
  AIRLOCK_ASSIGN(const auto capabilities, client.Capabilities());
  AIRLOCK_TRY(CheckPosture(capabilities.posture(), minimum));
  return client;
}

ClientResult<const Client*> Session::Get() {
  if (!client_) client_ = Make();
  if (!client_->ok()) return Unexpected{client_->error()};
  return &client_->value();
}

ClientResult<const Client*> Session::For(const std::string& file) {
  if (!options_.server_path) {
    const std::string path = SplitMember(options_, file).first;
    if (!IsFolder(path)) {
      const ClientResult<LocalFile> there = OpenLocalFile(path);
      if (!there.ok()) return Unexpected{there.error()};
    }
  }
  return Get();
}

std::string AbsolutePath(const std::string& file) {
  const std::filesystem::path path(file);
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::current_path(error);
  if (path.empty() || path.is_absolute() || error) return file;
  bool in_front = true;
  for (const std::filesystem::path& part : path) {
    if (part == ".") continue;
    in_front = in_front && part == "..";
    absolute = in_front ? absolute.parent_path() : absolute / part;
  }
  return absolute;
}

std::pair<std::string, std::string> SplitMember(const Options& options, const std::string& file) {
  const auto is_file = [](const std::string& path) {
    std::error_code error;
    return std::filesystem::exists(path, error);
  };
  for (size_t mark = file.find('!'); mark != std::string::npos; mark = file.find('!', mark + 1)) {
    if (!options.server_path && is_file(file)) break;
    std::string archive = file.substr(0, mark);
    if (options.server_path || is_file(archive)) return {std::move(archive), file.substr(mark + 1)};
  }
  return {file, {}};
}

Source SourceOf(const Options& options, const std::string& file) {
  auto [path, member] = SplitMember(options, file);
  if (options.server_path && AddressOf(options).starts_with("unix:")) path = AbsolutePath(path);
  Source source = options.server_path ? Source::OnServer(std::move(path))
                  : IsFolder(path)    ? Source::Folder(std::move(path))
                                      : Source::File(std::move(path));
  source.member = std::move(member);
  return source;
}

LoadOptions LoadOptionsOf(const Options& options) {
  LoadOptions load;
  load.timeout = std::chrono::milliseconds(std::llround(std::ceil(options.timeout * 1e3)));
  load.minimum_posture = PostureOf(options.minimum_posture);
  load.inert = options.inert;
  load.copy = options.copy;
  load.verify = options.verify;
  load.select = options.select;
  return load;
}

}  // namespace airlock::cli
