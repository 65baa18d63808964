#include "server/confinement.h"

#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "sandbox/walls/denials.h"
#include "sandbox/walls/landlock.h"
#include "sandbox/walls/process_walls.h"

namespace airlock::server {
namespace {

using walls::Access;
using walls::Place;

// What the C library, gRPC and OpenSSL read on the way.
constexpr Place kSystem[] = {
    {"/usr", Access::kRead},
    {"/lib", Access::kRead},
    {"/lib64", Access::kRead},
    // Not all of it: to root /proc/kcore is the machine's memory, and a process's folder is as good as its pidfd.
    {"/proc/sys", Access::kRead},
    {"/proc/stat", Access::kRead},
    {"/proc/cpuinfo", Access::kRead},
    {"/proc/meminfo", Access::kRead},
    {"/sys/devices/system", Access::kRead},
    {"/sys/fs/cgroup", Access::kRead},
    {"/dev/null", Access::kReadWrite},
    {"/dev/urandom", Access::kRead},
    {"/etc/ssl", Access::kRead},
    {"/etc/ld.so.cache", Access::kRead},
    {"/etc/localtime", Access::kRead},
    {"/etc/hosts", Access::kRead},
    {"/etc/host.conf", Access::kRead},
    {"/etc/gai.conf", Access::kRead},
    {"/etc/nsswitch.conf", Access::kRead},
    {"/etc/resolv.conf", Access::kRead},
};

constexpr std::string_view kUnix = "unix:";

std::string DirectoryOf(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }

// Paths that live as long as the places that name them.
struct Paths {
  std::vector<std::string> read;
  std::vector<std::string> write;
  std::vector<std::string> tidy;
};

Paths PathsOf(const Options& options) {
  Paths paths;
  paths.read = options.roots;
  for (const std::string* file : {&options.tls_cert, &options.tls_key, &options.tls_client_ca}) {
    if (!file->empty()) paths.read.push_back(DirectoryOf(std::filesystem::absolute(*file).string()));
  }
  paths.write = {options.spool_dir};
  for (const std::string& listen : options.listen) {
    if (!listen.starts_with(kUnix)) continue;
    paths.write.push_back(DirectoryOf(listen.substr(kUnix.size())));
    // A private daemon takes the directory of its socket away with it.
    if (options.private_fd >= 0) paths.tidy.push_back(DirectoryOf(paths.write.back()));
  }
  return paths;
}

std::vector<uint16_t> PortsOf(const Options& options) {
  std::vector<uint16_t> ports;
  for (const std::string& listen : options.listen) {
    const std::string_view text = std::string_view(listen).substr(listen.rfind(':') + 1);
    uint16_t port = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
    if (!listen.starts_with(kUnix) && parsed.ec == std::errc()) ports.push_back(port);
  }
  return ports;
}

std::string Sentence(const std::string& step, int error_number) {
  return "confining the broker: " + step + ": " + std::strerror(error_number);
}

}  // namespace

Expected<Confinement, std::string> ConfineBroker(const Options& options, const std::string& groups) {
  Confinement confinement;
  if (auto forbidden = walls::ForbidNewPrivileges(); !forbidden.ok()) {
    return Unexpected<std::string>{Sentence(forbidden.error().step, forbidden.error().error_number)};
  }
  confinement.deny_write_execute = walls::DenyWriteExecute().ok();
  const Paths paths = PathsOf(options);
  const std::vector<uint16_t> ports = PortsOf(options);
  std::vector<Place> places(std::begin(kSystem), std::end(kSystem));
  for (const std::string& path : paths.read) places.push_back({path.c_str(), Access::kRead});
  for (const std::string& path : paths.write) places.push_back({path.c_str(), Access::kReadWrite});
  for (const std::string& path : paths.tidy) places.push_back({path.c_str(), Access::kTidy});
  if (!groups.empty()) places.push_back({groups.c_str(), Access::kGroups});
  if (auto landlock = walls::EnterLandlockWith(places, ports); landlock.ok()) {
    confinement.landlock_abi = *landlock;
  } else if (walls::LandlockAbi() != 0 && options.posture != walls::Posture::kFilterOnly) {
    return Unexpected<std::string>{Sentence(landlock.error().step, landlock.error().error_number)};
  }
  if (auto denied = walls::DenyBrokerActs(!ports.empty()); !denied.ok()) {
    return Unexpected<std::string>{Sentence(denied.error().step, denied.error().error_number)};
  }
  return confinement;
}

Expected<void, std::string> ConfineServingBroker() {
  auto denied = walls::DenyServingBrokerActs();
  if (!denied.ok()) return Unexpected<std::string>{Sentence(denied.error().step, denied.error().error_number)};
  return {};
}

}  // namespace airlock::server
