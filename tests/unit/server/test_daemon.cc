#include "tests/unit/server/test_daemon.h"

#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace airlock::server {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

uint32_t ReasonIn(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!details.ParseFromString(status.error_details()) || details.details_size() == 0) return UINT32_MAX;
  details.details(0).UnpackTo(&info);
  v1::Reason reason = v1::REASON_UNSPECIFIED;
  return v1::Reason_Parse("REASON_" + info.reason(), &reason) ? static_cast<uint32_t>(reason) : UINT32_MAX;
}

}  // namespace

void Upload(const std::string& bytes, LoadStream& stream) {
  constexpr size_t kPiece = size_t{1} << 20;
  v1::LoadRequest request;
  request.mutable_options()->mutable_source()->mutable_upload()->set_size(bytes.size());
  stream.Write(request);
  for (size_t at = 0; at < bytes.size(); at += kPiece) {
    request.mutable_chunk()->set_data(bytes.substr(at, kPiece));
    request.mutable_chunk()->set_finish(at + kPiece >= bytes.size());
    stream.Write(request);
  }
  stream.WritesDone();
}

TestDaemon::TestDaemon(const std::vector<std::string>& arguments) {
  std::string pattern = (std::filesystem::temp_directory_path() / "airlock-test-XXXXXX").string();
  directory_ = ::mkdtemp(pattern.data());
  const std::string socket = address();
  std::vector<std::string> all = {AIRLOCKD, "--listen", socket, "--spool-dir", directory_.string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : all) argv.push_back(argument.data());
  argv.push_back(nullptr);
  if (::posix_spawn(&pid_, AIRLOCKD, nullptr, nullptr, argv.data(), environ) != 0) pid_ = -1;
  channel_ = grpc::CreateChannel(socket, grpc::InsecureChannelCredentials());
  connected_ = pid_ > 0 && channel_->WaitForConnected(system_clock::now() + seconds(30));
}

TestDaemon::~TestDaemon() {
  Stop();
  std::filesystem::remove_all(directory_);
}

bool TestDaemon::Serves() const { return connected_ && ::waitpid(pid_, nullptr, WNOHANG) == 0; }

int TestDaemon::Stop() {
  if (pid_ <= 0) return -1;
  ::kill(pid_, SIGTERM);
  int status = 0;
  const bool ended = ::waitpid(pid_, &status, 0) == pid_ && WIFEXITED(status);
  pid_ = -1;
  return ended ? WEXITSTATUS(status) : -1;
}

uint32_t TestDaemon::ReasonOf(const std::string& bytes, std::string* message) const {
  grpc::ClientContext context;
  context.set_deadline(system_clock::now() + seconds(30));
  auto stream = NewStub()->Load(&context);
  Upload(bytes, *stream);
  v1::LoadResponse response;
  while (stream->Read(&response)) {
  }
  const grpc::Status status = stream->Finish();
  if (message != nullptr) *message = status.error_message();
  return status.ok() ? 0 : ReasonIn(status);
}

}  // namespace airlock::server
