// FdSocket: this client's end of a daemon's fd socket (airlock/v1/descriptors.proto). Connects when it is first needed,
// keeps the connection, and makes a new one where the daemon has closed it meanwhile or this process is a fork of the
// one that connected. Thread-safe; one exchange at a time.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <string>
#include <vector>

#include "airlock/error.h"
#include "airlock/v1/descriptors.pb.h"
#include "client/cpp/local_file.h"
#include "client/cpp/payload_socket.h"
#include "sandbox/base/fd.h"
#include "sandbox/base/fd_packet.h"

namespace airlock {

class FdSocket {
 public:
  explicit FdSocket(std::string path) : path_(std::move(path)) {}

  // Hands the files of one input in: the ticket for them. UNAVAILABLE where there is no such socket.
  ClientResult<std::string> Put(const std::vector<LocalFile>& files);
  // What the ticket stands for: a memory file that nobody can change, which has been verified.
  ClientResult<Fd> Take(const std::string& ticket);
  // A socket for the payload of one load.
  ClientResult<PayloadSocket> OpenPayload();

 private:
  struct Reply {
    v1::FdReply message;
    std::vector<Fd> fds;
  };

  ClientResult<Reply> Exchange(const v1::FdRequest& request, const std::vector<int>& fds);
  ClientResult<void> Connect();

  const std::string path_;
  std::mutex mutex_;
  Fd socket_;
  pid_t connected_by_ = -1;
};

}  // namespace airlock
