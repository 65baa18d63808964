// TestDaemon: an airlockd of a test's own, on a socket of its own, and what one caller sees of it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "airlock/v1/loader.grpc.pb.h"

namespace airlock::server {

using LoadStream = grpc::ClientReaderWriter<v1::LoadRequest, v1::LoadResponse>;

// Sends a whole file, and that it was all.
void Upload(const std::string& bytes, LoadStream& stream);

class TestDaemon {
 public:
  // `arguments` besides --listen and --spool-dir.
  explicit TestDaemon(const std::vector<std::string>& arguments);
  TestDaemon(const TestDaemon&) = delete;
  TestDaemon& operator=(const TestDaemon&) = delete;
  // Stops it. REQUIRES: nothing else waited for it.
  ~TestDaemon();

  pid_t pid() const { return pid_; }
  std::string address() const { return "unix:" + (directory_ / "s").string(); }
  std::string fd_socket() const { return (directory_ / "s.fd").string(); }
  // Whether it answered, and still runs.
  bool Serves() const;
  // Exit status of a daemon that is told to stop; -1 if it ended otherwise. Once.
  int Stop();

  std::unique_ptr<v1::Loader::Stub> NewStub() const { return v1::Loader::NewStub(channel_); }
  // Uploads and loads: the reason of the failure, 0 for success, UINT32_MAX for a failure without a reason.
  uint32_t ReasonOf(const std::string& bytes, std::string* message = nullptr) const;

 private:
  std::filesystem::path directory_;
  pid_t pid_ = -1;
  std::shared_ptr<grpc::Channel> channel_;
  bool connected_ = false;
};

}  // namespace airlock::server
