#include "airlock/client.h"

#include <grpcpp/client_context.h>
#include <malloc.h>

#include <mutex>
#include <set>
#include <utility>

#include "airlock/v1/loader.grpc.pb.h"
#include "client/cpp/answer.h"
#include "client/cpp/channel.h"
#include "client/cpp/local_file.h"
#include "client/cpp/memory_sink.h"
#include "client/cpp/private_daemon.h"
#include "client/cpp/status.h"
#include "client/cpp/upload.h"

namespace airlock {
namespace {

constexpr size_t kMaxUploadName = 256;

// The progress of one call, which two threads advance.
class Meter {
 public:
  explicit Meter(const CallOptions& options) : report_(options.progress) {}
  void Sent(uint64_t bytes, uint64_t total) { Update(sent_, bytes, to_send_, total); }
  void Received(uint64_t bytes, uint64_t total) { Update(received_, bytes, to_receive_, total); }

 private:
  void Update(uint64_t& done, uint64_t bytes, uint64_t& all, uint64_t total) {
    if (!report_) return;
    const std::lock_guard lock(mutex_);
    done = bytes;
    all = total;
    report_(sent_, to_send_, received_, to_receive_);
  }

  const std::function<void(uint64_t, uint64_t, uint64_t, uint64_t)>& report_;
  std::mutex mutex_;
  uint64_t sent_ = 0, to_send_ = 0, received_ = 0, to_receive_ = 0;
};

std::string UploadName(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return IsUtf8(name) && name.size() <= kMaxUploadName ? name : std::string();
}

}  // namespace

class Client::Impl {
 public:
  explicit Impl(std::shared_ptr<grpc::Channel> channel, std::unique_ptr<PrivateDaemon> daemon)
      : daemon_(std::move(daemon)), channel_(std::move(channel)), stub_(v1::Loader::NewStub(channel_)) {}

  void Cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    for (grpc::ClientContext* context : running_) context->TryCancel();
  }

  ClientResult<std::shared_ptr<const Contents>> Inspect(const Source& source, const CallOptions& options) {
    v1::InspectRequest first;
    *first.mutable_options()->mutable_limits() = options.limits;
    return Run<v1::InspectResponse>(first, source, options, nullptr,
                                    [this](grpc::ClientContext* context) { return stub_->Inspect(context); });
  }

  ClientResult<std::shared_ptr<const Contents>> Load(const Source& source, const LoadOptions& options,
                                                     StorageSink& sink) {
    v1::LoadRequest first;
    *first.mutable_options()->mutable_limits() = options.limits;
    first.mutable_options()->set_inert(options.inert);
    return Run<v1::LoadResponse>(first, source, options, &sink,
                                 [this](grpc::ClientContext* context) { return stub_->Load(context); });
  }

  // One call without streams.
  template <typename Response, typename Start>
  ClientResult<Response> Unary(std::chrono::milliseconds timeout, const Start& start) {
    const Running running(*this, timeout);
    Response response;
    const grpc::Status status = start(&running.context(), &response);
    if (!status.ok()) return Unexpected{ErrorFromStatus(status)};
    return response;
  }

  v1::Loader::Stub& stub() { return *stub_; }

 private:
  // A call that Cancel can reach.
  class Running {
   public:
    Running(Impl& impl, std::chrono::milliseconds timeout)
        : impl_(impl), context_(std::make_unique<grpc::ClientContext>()) {
      if (timeout.count() > 0) context_->set_deadline(std::chrono::system_clock::now() + timeout);
      const std::lock_guard lock(impl_.mutex_);
      if (impl_.cancelled_) context_->TryCancel();
      impl_.running_.insert(context_.get());
    }
    ~Running() {
      const std::lock_guard lock(impl_.mutex_);
      impl_.running_.erase(context_.get());
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    grpc::ClientContext& context() const { return *context_; }

   private:
    Impl& impl_;
    const std::unique_ptr<grpc::ClientContext> context_;
  };

  // Fills in where the bytes come from; the file to send where they come from here.
  ClientResult<LocalFile> Locate(const Source& source, v1::Source* request) const {
    if (!IsUtf8(source.member)) return Unexpected{MakeError(v1::REASON_BAD_REQUEST, "the member's name is not UTF-8")};
    request->set_member(source.member);
    if (source.on_server) {
      if (!IsUtf8(source.path)) return Unexpected{MakeError(v1::REASON_BAD_REQUEST, "the path is not UTF-8")};
      request->set_path(source.path);
      return LocalFile{};
    }
    AIRLOCK_ASSIGN(LocalFile file, OpenLocalFile(source.path));
    if (daemon_ != nullptr && !file.real_path.empty()) {
      request->set_path(file.real_path);
      return LocalFile{};
    }
    request->mutable_upload()->set_size(file.size);
    request->mutable_upload()->set_name(UploadName(source.path));
    return file;
  }

  template <typename Response, typename Request, typename Start>
  ClientResult<std::shared_ptr<const Contents>> Run(Request& first, const Source& source, const CallOptions& options,
                                                    StorageSink* sink, const Start& start) {
    AIRLOCK_ASSIGN(const LocalFile file, Locate(source, first.mutable_options()->mutable_source()));
    Meter meter(options);
    Answer answer(sink);
    const Running running(*this, options.timeout);
    const auto stream = start(&running.context());
    ClientResult<void> taken = Exchange<Response>(running.context(), *stream, first, file, meter, answer);
    const grpc::Status status = stream->Finish();
    // What went wrong here explains why the call was cancelled, not the other way round.
    if (!taken.ok()) return Unexpected{answer.Explain(std::move(taken).error())};
    if (!status.ok()) return Unexpected{answer.Explain(ErrorFromStatus(status))};
    ClientResult<std::shared_ptr<const Contents>> contents = answer.Finish();
    if (!contents.ok()) return Unexpected{answer.Explain(std::move(contents).error())};
    return contents;
  }

  // Sends and reads until the daemon has no more to say.
  template <typename Response, typename Request, typename Stream>
  static ClientResult<void> Exchange(grpc::ClientContext& context, Stream& stream, const Request& first,
                                     const LocalFile& file, Meter& meter, Answer& answer) {
    const bool open = stream.Write(first);
    using Sender = Upload<Stream, Request>;
    std::optional<Sender> upload;
    if (open && file.fd) {
      upload.emplace(
          stream, file.fd.get(), file.size, [&](uint64_t bytes) { meter.Sent(bytes, file.size); },
          [&] { context.TryCancel(); });
    } else if (open) {
      stream.WritesDone();
    }
    ClientResult<void> taken = ReadAll<Response>(context, stream, meter, answer);
    if (upload && upload->Join()) return Unexpected{MakeError(v1::REASON_INPUT_CHANGED)};
    return taken;
  }

  template <typename Response, typename Stream>
  static ClientResult<void> ReadAll(grpc::ClientContext& context, Stream& stream, Meter& meter, Answer& answer) {
    ClientResult<void> taken;
    Response response;
    while (stream.Read(&response)) {
      if (!taken.ok()) continue;  // a cancelled stream is read to its end
      taken = answer.Take(response);
      if (!taken.ok()) context.TryCancel();
      meter.Received(answer.received(), answer.to_receive());
    }
    return taken;
  }

  // First: it must outlive the channel's last words.
  std::unique_ptr<PrivateDaemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Loader::Stub> stub_;
  std::mutex mutex_;
  bool cancelled_ = false;
  std::set<grpc::ClientContext*> running_;
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

ClientResult<Client> Client::Connect(const std::string& address, const TlsOptions& tls) {
  AIRLOCK_ASSIGN(auto channel, MakeChannel(address, tls));
  return Client(std::make_unique<Impl>(std::move(channel), nullptr));
}

ClientResult<Client> Client::Private(const PrivateOptions& options) {
  AIRLOCK_ASSIGN(auto daemon, PrivateDaemon::Start(options));
  AIRLOCK_ASSIGN(auto channel, MakeChannel(daemon->address(), {}));
  return Client(std::make_unique<Impl>(std::move(channel), std::move(daemon)));
}

ClientResult<std::shared_ptr<const Contents>> Client::Inspect(const Source& source, const CallOptions& options) const {
  return impl_->Inspect(source, options);
}

ClientResult<std::shared_ptr<const Contents>> Client::Load(const Source& source, const LoadOptions& options,
                                                           StorageSink& sink) const {
  return impl_->Load(source, options, sink);
}

ClientResult<Checkpoint> Client::Load(const Source& source, const LoadOptions& options) const {
  MemorySink sink;
  AIRLOCK_ASSIGN(auto contents, impl_->Load(source, options, sink));
  return Checkpoint(std::move(contents), sink.Take());
}

ClientResult<v1::GetCapabilitiesResponse> Client::Capabilities(std::chrono::milliseconds timeout) const {
  return impl_->Unary<v1::GetCapabilitiesResponse>(timeout, [this](grpc::ClientContext* context, auto* response) {
    return impl_->stub().GetCapabilities(context, {}, response);
  });
}

ClientResult<v1::SelfTestResponse> Client::SelfTest(std::chrono::milliseconds timeout) const {
  return impl_->Unary<v1::SelfTestResponse>(timeout, [this](grpc::ClientContext* context, auto* response) {
    return impl_->stub().SelfTest(context, {}, response);
  });
}

void Client::Cancel() const { impl_->Cancel(); }

void TuneAllocator() {
  // Measured on streams of 1 MiB messages: page faults of fresh memory cost a third of the throughput.
  mallopt(M_MMAP_THRESHOLD, 256 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // namespace airlock
