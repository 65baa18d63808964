// Options: what the daemon was told, by flags, AIRLOCK_* environment variables and a TOML file, in this order of
// precedence. One table drives all three.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sandbox/base/limits.h"
#include "sandbox/walls/layers.h"
#include "sandbox/walls/user_range.h"
#include "server/log.h"

namespace airlock::server {

// The spawner makes one after the other; what comes after it, up to READY, goes on side by side.
inline constexpr size_t kMostBirths = 8;

struct Options {
  // unix:/PATH or tcp:HOST:PORT.
  std::vector<std::string> listen;
  std::string tls_cert;
  std::string tls_key;
  std::string tls_client_ca;
  bool insecure_loopback = false;
  std::vector<std::string> roots;
  std::string minimum_posture = "nested";
  std::string worker;
  std::string worker_uids;
  size_t pool = 2;
  // 0: four times max_loads.
  size_t pool_most = 0;
  size_t max_loads = 2;
  size_t queue = 64;
  size_t max_calls = 256;
  // Twice the largest plan there may be.
  uint64_t plan_memory = uint64_t{2} << 30;
  std::string spool_dir;
  std::vector<std::string> limit_assignments;
  std::string log_level = "info";
  std::string log_format = "text";
  std::string socket_mode = "0660";
  bool without_namespaces = false;
  int private_fd = -1;
  uint64_t stall_seconds = 60;
  uint64_t drain_seconds = 30;

  // Made from the above.
  Limits limits;
  walls::Posture posture = walls::Posture::kNested;
  walls::UserRange worker_users;
  LogFormat format = LogFormat::kText;
  uint32_t mode = 0660;
};

// What parsing came to: options, or an exit status with a text for the terminal.
struct ParsedOptions {
  Options options;
  bool run = false;
  int exit_status = 0;
  std::string text;
};

ParsedOptions ParseOptions(int argc, const char* const* argv);

}  // namespace airlock::server
