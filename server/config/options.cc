#include "server/config/options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <sstream>
#include <thread>
#include <variant>

#include "sandbox/base/version.h"
#include "server/config/worker_users.h"
#include "server/limits.h"

namespace airlock::server {
namespace {

constexpr int kUsage = 64;
constexpr char kInstalledWorker[] = "/usr/libexec/airlock/airlock-worker";

using Target = std::variant<std::string Options::*, std::vector<std::string> Options::*, bool Options::*,
                            size_t Options::*, int Options::*>;

struct OptionRow {
  const char* name;
  Target target;
  const char* help;
};

// Flag --NAME, key NAME of the file, variable AIRLOCK_NAME in upper case with '_' for '-'.
const OptionRow kOptions[] = {
    {"listen", &Options::listen, "unix:/PATH or tcp:HOST:PORT; may be repeated"},
    {"tls-cert", &Options::tls_cert, "PEM file: the daemon's certificate chain, for tcp"},
    {"tls-key", &Options::tls_key, "PEM file: its private key"},
    {"tls-client-ca", &Options::tls_client_ca, "PEM file: whose client certificates are accepted"},
    {"insecure-loopback", &Options::insecure_loopback, "allow tcp without TLS on loopback addresses"},
    {"root", &Options::roots, "a directory whose files callers may name by path; may be repeated"},
    {"minimum-posture", &Options::minimum_posture, "full, nested or filter-only: below it the daemon does not start"},
    {"worker", &Options::worker, "the airlock-worker program"},
    {"worker-uids", &Options::worker_uids,
     "BASE:COUNT, as root: each worker is another user of this range that nobody else is of, not nobody"},
    {"pool", &Options::pool, "workers that wait ready"},
    {"pool-most", &Options::pool_most,
     "workers that wait ready while many are asked for, and become fewer again; 0: four for each load"},
    {"max-loads", &Options::max_loads, "loads that run at a time; one may have several workers where fewer run"},
    {"queue", &Options::queue, "loads that may wait"},
    {"max-calls", &Options::max_calls, "calls at a time, those that send and read included"},
    {"plan-memory", &Options::plan_memory, "bytes of plans that wait to be read, of all calls together"},
    {"spool-dir", &Options::spool_dir, "where uploads are spooled, unnamed"},
    {"limit", &Options::limit_assignments, "NAME=VALUE, a limit of every load; may be repeated"},
    {"log-level", &Options::log_level, "trace, debug, info, warn, error or off"},
    {"log-format", &Options::log_format, "text or json"},
    {"socket-mode", &Options::socket_mode, "mode of unix sockets, octal"},
    {"without-namespaces", &Options::without_namespaces, "leave out namespaces, as hosts that forbid them do"},
    {"private-fd", &Options::private_fd, "serve one caller: say ready there, and end when it closes"},
    {"stall-seconds", &Options::stall_seconds, "a caller that neither sends nor reads for so long is cut off"},
    {"drain-seconds", &Options::drain_seconds, "how long running loads may go on after SIGTERM"},
};

std::string EnvironmentName(std::string_view name) {
  std::string out = "AIRLOCK_";
  for (const char c : name) out += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

void AddOption(CLI::App& app, const OptionRow& row, Options& options) {
  const std::string flag = std::string("--") + row.name;
  CLI::Option* option = std::visit(
      [&](auto member) -> CLI::Option* {
        auto& target = options.*member;
        if constexpr (std::is_same_v<decltype(member), bool Options::*>) {
          return app.add_flag(flag, target, row.help);
        } else {
          return app.add_option(flag, target, row.help);
        }
      },
      row.target);
  option->envname(EnvironmentName(row.name));
  if (std::holds_alternative<std::vector<std::string> Options::*>(row.target)) {
    option->delimiter(',')->allow_extra_args(false);
  } else {
    option->take_last()->capture_default_str();
  }
}

bool ParsePosture(Options& options) {
  for (const walls::Posture posture : walls::kPostures) {
    if (walls::PostureName(posture) != options.minimum_posture) continue;
    options.posture = posture;
    return true;
  }
  return false;
}

bool ParseMode(Options& options) {
  const std::string& text = options.socket_mode;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), options.mode, 8);
  return end.ec == std::errc() && end.ptr == text.data() + text.size() && options.mode <= 0777;
}

bool ParseLog(Options& options) {
  constexpr std::array<std::string_view, 6> kLevels = {"trace", "debug", "info", "warn", "error", "off"};
  if (std::find(kLevels.begin(), kLevels.end(), options.log_level) == kLevels.end()) return false;
  options.format = options.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  return options.log_format == "json" || options.log_format == "text";
}

std::string DefaultSpool() {
  const char* temporary = std::getenv("TMPDIR");
  return temporary != nullptr && temporary[0] == '/' ? temporary : "/var/tmp";
}

// Beside this program, as in a build; else where the package puts it.
std::string DefaultWorker() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0 || length == static_cast<ssize_t>(path.size())) return kInstalledWorker;
  const std::string self(path.data(), static_cast<size_t>(length));
  const std::string beside = self.substr(0, self.rfind('/')) + "/airlock-worker";
  return ::access(beside.c_str(), X_OK) == 0 ? beside : kInstalledWorker;
}

// Empty where all is well. A range too small would be a daemon that runs out of workers.
std::string CompleteWorkerUsers(Options& options) {
  const auto users = ParseWorkerUsers(options.worker_uids);
  if (!users) return "--worker-uids " + options.worker_uids + ": not " + DescribeWorkerUsers();
  options.worker_users = *users;
  if (users->count == 0) return "";
  if (::geteuid() != 0) return "--worker-uids: only root has users to give";
  // A load that comes while another has several workers has its own all the same.
  const uint64_t live = options.pool_most + 2 * options.max_loads + kMostBirths;
  if (users->count > live) return "";
  return "--worker-uids: COUNT must be above " + std::to_string(live) +
         " for so many workers at a time, and the spawner";
}

// The first thing that is wrong, as one sentence; empty where all is well.
std::string Complete(Options& options) {
  for (const std::string& assignment : options.limit_assignments) {
    if (!SetLimit(assignment, options.limits)) return "--limit " + assignment + ": not NAME=VALUE of a known limit";
  }
  if (!ParsePosture(options))
    return "--minimum-posture " + options.minimum_posture + ": not full, nested or filter-only";
  if (!ParseMode(options)) return "--socket-mode " + options.socket_mode + ": not an octal mode";
  if (!ParseLog(options)) return "--log-level or --log-format: not one that is known";
  if (options.listen.empty()) return "--listen is missing: unix:/PATH or tcp:HOST:PORT";
  if (options.max_loads == 0 || options.max_loads > 1024) return "--max-loads: 1 to 1024";
  if (options.pool == 0 || options.pool > 1024) return "--pool: 1 to 1024";
  if (options.pool_most == 0) options.pool_most = std::max(options.pool, 4 * options.max_loads);
  if (options.pool_most < options.pool || options.pool_most > 4096) return "--pool-most: from --pool to 4096";
  if (std::string wrong = CompleteWorkerUsers(options); !wrong.empty()) return wrong;
  if (options.max_calls == 0 || options.max_calls > 1'000'000) return "--max-calls: 1 to 1000000";
  if (options.plan_memory == 0) return "--plan-memory: at least 1";
  if (options.queue > 1'000'000) return "--queue: at most 1000000";
  if (options.stall_seconds == 0) return "--stall-seconds: at least 1";
  if (options.spool_dir.empty()) options.spool_dir = DefaultSpool();
  if (options.worker.empty()) options.worker = DefaultWorker();
  return "";
}

}  // namespace

ParsedOptions ParseOptions(int argc, const char* const* argv) {
  ParsedOptions parsed;
  Options& options = parsed.options;
  options.max_loads = std::max(2U, std::thread::hardware_concurrency());
  options.pool = options.max_loads;
  CLI::App app("Airlock's broker: opens checkpoints that nobody should trust.", "airlockd");
  app.set_version_flag("--version", std::string("airlockd ") + kVersion);
  app.set_config("--config", "", "TOML file with the same keys as the flags")->envname("AIRLOCK_CONFIG");
  app.allow_config_extras(CLI::config_extras_mode::error);
  for (const OptionRow& row : kOptions) AddOption(app, row, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    const int status = app.exit(error, out, out);
    parsed.exit_status = status == 0 ? 0 : kUsage;
    parsed.text = status == 0 ? out.str() : std::string("airlockd: ") + error.what() + "\n";
    return parsed;
  }
  const std::string wrong = Complete(options);
  parsed.run = wrong.empty();
  parsed.exit_status = parsed.run ? 0 : kUsage;
  if (!parsed.run) parsed.text = "airlockd: " + wrong + "\n";
  return parsed;
}

}  // namespace airlock::server
