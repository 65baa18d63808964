#include "server/descriptor_refusal.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

namespace airlock::server {
namespace {

#ifdef SO_PASSRIGHTS
constexpr int kPassRights = SO_PASSRIGHTS;
#else
constexpr int kPassRights = 83;  // asm-generic/socket.h of Linux 6.16
#endif
// gRPC tells nobody its listening sockets. At the start they have small numbers.
constexpr int kMostLooked = 1024;

bool ListensAt(int fd, const std::string& path) {
  int listens = 0;
  socklen_t size = sizeof(listens);
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) return false;
  sockaddr_un address{};
  size = sizeof(address);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  return address.sun_family == AF_UNIX && ::strnlen(address.sun_path, sizeof(address.sun_path)) == path.size() &&
         std::memcmp(address.sun_path, path.data(), path.size()) == 0;
}

}  // namespace

bool RefuseDescriptors(const std::string& path) {
  constexpr int kNone = 0;
  for (int fd = 0; fd < kMostLooked; ++fd) {
    if (ListensAt(fd, path)) return ::setsockopt(fd, SOL_SOCKET, kPassRights, &kNone, sizeof(kNone)) == 0;
  }
  return false;
}

}  // namespace airlock::server
