// airlock-streams: many loads of one file at a time, some of whose callers stop reading.
//
//   airlock-streams ADDRESS PATH STREAMS STALLED      PATH: under a root of the daemon
//
// Opens all streams and reads each up to its report; says {"open": N} and waits for a line on stdin. Then reads all but
// STALLED of them to their ends; says {"bad", "seconds"} and waits again. Exit 0 if each stream that was read
// brought all that its report had announced.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "airlock/v1/loader.grpc.pb.h"
#include "tests/support/guarded_main.h"

namespace {

namespace v1 = airlock::v1;

// The daemon takes 256 streams of one connection.
constexpr size_t kStreamsOfChannel = 200;

struct Stream {
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::LoadRequest, v1::LoadResponse>> call;
  v1::LoadResponse response;
  uint64_t announced = 0;
  uint64_t received = 0;
};

class Streams {
 public:
  Streams(const std::string& address, size_t count) : streams_(count) {
    for (size_t i = 0; i < count; i += kStreamsOfChannel) {
      grpc::ChannelArguments arguments;
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      stubs_.push_back(
          v1::Loader::NewStub(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments)));
    }
  }
  ~Streams() {
    for (Stream& stream : streams_) stream.context.TryCancel();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  // False where one did not get so far.
  bool Open(const std::string& path) {
    v1::LoadRequest request;
    request.mutable_options()->mutable_source()->set_path(path);
    for (size_t i = 0; i < streams_.size(); ++i) {
      Stream& stream = streams_[i];
      stream.call = stubs_[i / kStreamsOfChannel]->PrepareAsyncLoad(&stream.context, &queue_);
      stream.context.set_initial_metadata_corked(true);
      stream.call->StartCall(nullptr);
      stream.call->WriteLast(request, {}, nullptr);
      stream.call->Read(&stream.response, &stream);
    }
    size_t good = 0;
    for (size_t left = streams_.size(); left > 0;) {
      Stream* stream = Next();
      if (stream == nullptr) continue;
      --left;
      const v1::Report& report = stream->response.report();
      stream->announced = report.totals().payload_bytes();
      good += stream->response.has_report() && report.outcome() == v1::OUTCOME_OK ? 1 : 0;
    }
    return good == streams_.size();
  }

  // How many of those from `first` on did not bring what was announced.
  size_t ReadToTheEnd(size_t first) {
    for (size_t i = first; i < streams_.size(); ++i) streams_[i].call->Read(&streams_[i].response, &streams_[i]);
    for (size_t left = streams_.size() - first; left > 0;) {
      bool ok = false;
      Stream* stream = Next(&ok);
      if (stream == nullptr) continue;
      if (!ok) {
        --left;
        continue;
      }
      stream->received += stream->response.data().size();
      stream->call->Read(&stream->response, stream);
    }
    size_t bad = 0;
    for (size_t i = first; i < streams_.size(); ++i) {
      bad += streams_[i].received != streams_[i].announced || streams_[i].announced == 0 ? 1 : 0;
    }
    return bad;
  }

 private:
  // Null for what nobody waits for.
  Stream* Next(bool* ok = nullptr) {
    void* tag = nullptr;
    bool event_ok = false;
    queue_.Next(&tag, &event_ok);
    if (ok != nullptr) *ok = event_ok;
    return static_cast<Stream*>(tag);
  }

  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<v1::Loader::Stub>> stubs_;
  std::vector<Stream> streams_;
};

void Await() {
  std::string line;
  std::getline(std::cin, line);
}

int Run(int argc, char** argv) {
  std::string address;
  std::string path;
  size_t count = 0;
  size_t stalled = 0;
  CLI::App app{"many loads at a time, some of whose callers stop reading"};
  app.add_option("ADDRESS", address)->required();
  app.add_option("PATH", path)->required();
  app.add_option("STREAMS", count)->required();
  app.add_option("STALLED", stalled)->required();
  CLI11_PARSE(app, argc, argv);
  Streams streams(address, count);
  if (!streams.Open(path)) {
    std::cerr << "a stream had no report\n";
    return 1;
  }
  std::cout << nlohmann::json{{"open", count}}.dump() << std::endl;
  Await();
  const auto start = std::chrono::steady_clock::now();
  const size_t bad = streams.ReadToTheEnd(stalled);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::cout << nlohmann::json{{"bad", bad}, {"seconds", seconds.count()}}.dump() << std::endl;
  Await();
  return bad == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) { return airlock::testing::GuardedMain(Run, argc, argv); }
