// Locator: where the bytes of a call come from, and how the daemon is told: a path that it opens itself, descriptors of
// files that are open here, or bytes that are to be sent. Thread-safe.
#pragma once

#include <optional>
#include <vector>

#include "airlock/client.h"
#include "airlock/v1/loader.pb.h"
#include "client/cpp/fd_socket.h"
#include "client/cpp/local_file.h"

namespace airlock {

// Where the bytes of a call come from.
struct Located {
  // Ours, opened; none where the daemon opens them.
  std::vector<LocalFile> files;
  // The daemon has their descriptors; else their bytes are to be sent.
  bool handed_in = false;

  uint64_t Size() const {
    uint64_t size = 0;
    for (const LocalFile& file : files) size += file.identity.size;
    return size;
  }
};

class Locator {
 public:
  // `fd_socket` may be null, and must outlive it. A private daemon opens this user's files itself.
  Locator(FdSocket* fd_socket, bool private_daemon) : fd_socket_(fd_socket), private_daemon_(private_daemon) {}

  // Opens what is here, and fills in the request's source.
  ClientResult<Located> Locate(const Source& source, v1::Delivery delivery, v1::Source* request) const;

 private:
  ClientResult<Located> LocateFolder(const Source& source, v1::Delivery delivery, v1::Source* request) const;
  ClientResult<Located> LocateOnServer(const Source& source, v1::Delivery delivery, v1::Source* request) const;
  // A ticket for them; nothing where they go another way.
  ClientResult<bool> HandIn(const std::vector<LocalFile>& files, v1::Delivery delivery, v1::Source* request) const;
  // The path for a private daemon; empty for any other, and for what it would not open.
  std::string PathFor(const std::string& path) const;

  FdSocket* const fd_socket_;
  const bool private_daemon_;
};

// The folder of an index that the daemon had no use for by itself.
std::optional<Source> FolderOf(const Source& source, const ClientError& error);

}  // namespace airlock
