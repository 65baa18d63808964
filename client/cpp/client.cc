#include "airlock/client.h"

#include <grpcpp/client_context.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <malloc.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "airlock/v1/loader.grpc.pb.h"
#include "client/cpp/answer.h"
#include "client/cpp/byte_call.h"
#include "client/cpp/channel.h"
#include "client/cpp/checksums.h"
#include "client/cpp/fd_socket.h"
#include "client/cpp/local_payload.h"
#include "client/cpp/locator.h"
#include "client/cpp/memory_sink.h"
#include "client/cpp/meter.h"
#include "client/cpp/payload_socket.h"
#include "client/cpp/private_daemon.h"
#include "client/cpp/status.h"
#include "client/cpp/upload.h"

namespace airlock {
namespace {

constexpr char kInspect[] = "/airlock.v1.Loader/Inspect";
constexpr char kLoad[] = "/airlock.v1.Loader/Load";
// What a file must have for its payload to be worth a socket of its own.
constexpr uint64_t kWorthASocket = 4 << 20;

template <typename Message>
grpc::ByteBuffer Encode(const Message& message) {
  grpc::ByteBuffer bytes;
  bool own = false;
  (void)grpc::SerializationTraits<Message>::Serialize(message, &bytes, &own);
  return bytes;
}

// Beside a unix socket stands the fd socket; elsewhere there is none.
std::unique_ptr<FdSocket> FdSocketOf(std::string_view address) {
  constexpr std::string_view kUnix = "unix:";
  if (!address.starts_with(kUnix)) return nullptr;
  address.remove_prefix(kUnix.size());
  if (address.starts_with("///")) address.remove_prefix(2);
  return std::make_unique<FdSocket>(std::string(address) + ".fd");
}

// The call, and once more with the folder where it takes that: nobody has seen anything of the file by then.
template <typename Call>
auto WithFolder(const Source& source, const Call& call) {
  auto answer = call(source);
  if (answer.ok()) return answer;
  const std::optional<Source> folder = FolderOf(source, answer.error());
  return folder ? call(*folder) : std::move(answer);
}

}  // namespace

class Client::Impl {
 public:
  Impl(const std::string& address, std::shared_ptr<grpc::Channel> channel, std::unique_ptr<PrivateDaemon> daemon)
      : daemon_(std::move(daemon)),
        fd_socket_(FdSocketOf(address)),
        locator_(fd_socket_.get(), daemon_ != nullptr),
        channel_(std::move(channel)),
        stub_(v1::Loader::NewStub(channel_)) {}

  void Cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    for (grpc::ClientContext* context : running_) context->TryCancel();
  }

  ClientResult<std::shared_ptr<const Contents>> Inspect(const Source& source, const CallOptions& options) {
    v1::InspectRequest first;
    *first.mutable_options()->mutable_limits() = options.limits;
    AIRLOCK_ASSIGN(const Located located,
                   locator_.Locate(source, v1::DELIVERY_UNSPECIFIED, first.mutable_options()->mutable_source()));
    Meter meter(options);
    Answer answer(nullptr, options.minimum_posture);
    if (located.handed_in) AskForGraphFile(first, answer);
    return Run<v1::InspectResponse>(kInspect, first, located, options.timeout, meter, answer);
  }

  ClientResult<std::shared_ptr<const Contents>> Load(const Source& source, const LoadOptions& options,
                                                     StorageSink& sink) {
    const Supervisor supervisor(*this, options.timeout);
    v1::LoadRequest first = RequestOf(options);
    AIRLOCK_ASSIGN(Located located,
                   locator_.Locate(source, options.delivery, first.mutable_options()->mutable_source()));
    Meter meter(options);
    if (!located.handed_in) return LoadStreamed(source, first, located, options, meter, sink, supervisor);
    AIRLOCK_ASSIGN(LocalPayload payload, LoadMapped(first, std::move(located), options, meter));
    AIRLOCK_TRY(payload.Feed(sink, options.copy, [&](uint64_t done) -> ClientResult<void> {
      meter.Received(done, payload.contents()->payload_bytes());
      return supervisor.Check();
    }));
    return payload.contents();
  }

  ClientResult<Checkpoint> Load(const Source& source, const LoadOptions& options) {
    const Supervisor supervisor(*this, options.timeout);
    v1::LoadRequest first = RequestOf(options);
    AIRLOCK_ASSIGN(Located located,
                   locator_.Locate(source, options.delivery, first.mutable_options()->mutable_source()));
    Meter meter(options);
    if (!located.handed_in) {
      MemorySink sink;
      AIRLOCK_ASSIGN(auto contents, LoadStreamed(source, first, located, options, meter, sink, supervisor));
      return Checkpoint(std::move(contents), sink.Take());
    }
    AIRLOCK_ASSIGN(LocalPayload payload, LoadMapped(first, std::move(located), options, meter));
    AIRLOCK_ASSIGN(auto storages, options.copy ? payload.Copy() : payload.Map());
    return Checkpoint(payload.contents(), std::move(storages));
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

  // Ends what gRPC knows nothing of as gRPC would end it.
  class Supervisor {
   public:
    Supervisor(const Impl& impl, std::chrono::milliseconds timeout)
        : impl_(impl),
          end_(timeout.count() > 0 ? std::chrono::steady_clock::now() + timeout
                                   : std::chrono::steady_clock::time_point::max()) {}
    ClientResult<void> Check() const {
      if (impl_.cancelled_) return Unexpected{MakeError(v1::REASON_CANCELLED)};
      if (std::chrono::steady_clock::now() < end_) return {};
      return Unexpected{MakeError(v1::OUTCOME_TIMEOUT, "not done within the time allowed")};
    }

   private:
    const Impl& impl_;
    const std::chrono::steady_clock::time_point end_;
  };

  static v1::LoadRequest RequestOf(const LoadOptions& options) {
    v1::LoadRequest request;
    v1::LoadOptions& first = *request.mutable_options();
    *first.mutable_limits() = options.limits;
    first.set_inert(options.inert);
    for (const std::string& glob : options.select) first.add_select(glob);
    return request;
  }

  // REQUIRES: the input was handed in.
  template <typename Request>
  void AskForGraphFile(Request& first, Answer& answer) {
    first.mutable_options()->set_graph_file(true);
    answer.ExpectGraphFile([this](const std::string& ticket) { return fd_socket_->Take(ticket); });
  }

  ClientResult<std::shared_ptr<const Contents>> RunLoad(const v1::LoadRequest& first, const Located& located,
                                                        const LoadOptions& options, Meter& meter, Answer& answer) {
    return Run<v1::LoadResponse>(kLoad, first, located, options.timeout, meter, answer);
  }

  // A socket for the payload, where there can be one and it may be worth it. Without one, data comes with the answer.
  std::optional<PayloadSocket> OpenPayload(const Source& source, const Located& located) {
    if (fd_socket_ == nullptr) return std::nullopt;
    const auto size = located.files.empty() ? SizeOfFile(source.path) : located.Size();
    if (size && *size < kWorthASocket) return std::nullopt;
    auto socket = fd_socket_->OpenPayload();
    if (!socket.ok()) return std::nullopt;
    return std::move(socket).value();
  }

  ClientResult<std::shared_ptr<const Contents>> LoadStreamed(const Source& source, v1::LoadRequest& first,
                                                             const Located& located, const LoadOptions& options,
                                                             Meter& meter, StorageSink& sink,
                                                             const Supervisor& supervisor) {
    Answer answer(&sink, options.minimum_posture);
    std::optional<PayloadSocket> payload = OpenPayload(source, located);
    if (payload) {
      first.mutable_options()->set_payload_ticket(payload->ticket());
      answer.Expect(*payload, [&] {
        meter.Received(answer.received(), answer.to_receive());
        return supervisor.Check();
      });
    }
    return RunLoad(first, located, options, meter, answer);
  }

  // The plan from the daemon, the bytes from our own files and from what the worker wrote.
  ClientResult<LocalPayload> LoadMapped(v1::LoadRequest& first, Located located, const LoadOptions& options,
                                        Meter& meter) {
    Answer answer(nullptr, options.minimum_posture, true);
    AskForGraphFile(first, answer);
    AIRLOCK_ASSIGN(auto contents, RunLoad(first, located, options, meter, answer));
    Fd output;
    if (!answer.output_ticket().empty()) {
      AIRLOCK_ASSIGN(output, fd_socket_->Take(answer.output_ticket()));
    }
    return LocalPayload(std::move(contents), std::move(located.files), std::move(output));
  }

  template <typename Response, typename Request>
  ClientResult<std::shared_ptr<const Contents>> Run(const char* method, const Request& first, const Located& located,
                                                    std::chrono::milliseconds timeout, Meter& meter, Answer& answer) {
    const Running running(*this, timeout);
    AIRLOCK_TRY(Exchange<Response>(method, running.context(), Encode(first), located, meter, answer));
    ClientResult<std::shared_ptr<const Contents>> contents = answer.Finish();
    if (!contents.ok()) return Unexpected{answer.Explain(std::move(contents).error())};
    return contents;
  }

  // Sends and reads until the daemon has no more to say.
  template <typename Response>
  ClientResult<void> Exchange(const char* method, grpc::ClientContext& context, grpc::ByteBuffer first,
                              const Located& located, Meter& meter, Answer& answer) {
    std::optional<Upload> upload;
    if (!located.files.empty() && !located.handed_in) upload.emplace(located.files);
    ClientResult<void> sent;
    ClientResult<void> taken;
    bool begun = false;
    const MessageSource source = [&]() -> std::optional<OutgoingMessage> {
      if (!std::exchange(begun, true)) return OutgoingMessage{std::move(first), !upload};
      auto chunk = upload->Next();
      meter.Sent(upload->done(), upload->size());
      if (!chunk) {
        sent = Unexpected{MakeError(v1::REASON_INPUT_CHANGED)};
        context.TryCancel();
      }
      return chunk;
    };
    const MessageTaker taker = [&](grpc::ByteBuffer& message) {
      if (!taken.ok()) return;  // a cancelled stream is read to its end
      taken = answer.TakeEncoded<Response>(message);
      if (!taken.ok()) context.TryCancel();
      meter.Received(answer.received(), answer.to_receive());
    };
    const grpc::Status status = RunByteCall(channel_, method, context, source, taker);
    // What went wrong here explains why the call was cancelled, not the other way round.
    if (!sent.ok()) return Unexpected{answer.Explain(std::move(sent).error())};
    if (!taken.ok()) return Unexpected{answer.Explain(std::move(taken).error())};
    if (!status.ok()) return Unexpected{answer.Explain(ErrorFromStatus(status))};
    return {};
  }

  // First: it must outlive the channel's last words.
  const std::unique_ptr<PrivateDaemon> daemon_;
  // Null where the daemon is on another machine.
  const std::unique_ptr<FdSocket> fd_socket_;
  const Locator locator_;
  const std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Loader::Stub> stub_;
  std::mutex mutex_;
  std::atomic<bool> cancelled_ = false;
  std::set<grpc::ClientContext*> running_;
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

ClientResult<Client> Client::Connect(const std::string& address, const TlsOptions& tls) {
  AIRLOCK_ASSIGN(auto channel, MakeChannel(address, tls));
  return Client(std::make_unique<Impl>(address, std::move(channel), nullptr));
}

ClientResult<Client> Client::Private(const PrivateOptions& options) {
  AIRLOCK_ASSIGN(auto daemon, PrivateDaemon::Start(options));
  const std::string address = daemon->address();
  AIRLOCK_ASSIGN(auto channel, MakeChannel(address, {}));
  return Client(std::make_unique<Impl>(address, std::move(channel), std::move(daemon)));
}

ClientResult<std::shared_ptr<const Contents>> Client::Inspect(const Source& source, const CallOptions& options) const {
  return WithFolder(source, [&](const Source& from) { return impl_->Inspect(from, options); });
}

ClientResult<std::shared_ptr<const Contents>> Client::Load(const Source& source, const LoadOptions& options,
                                                           StorageSink& sink) const {
  ChecksumSink checked(sink);
  StorageSink& to = options.verify ? static_cast<StorageSink&>(checked) : sink;
  return WithFolder(source, [&](const Source& from) { return impl_->Load(from, options, to); });
}

ClientResult<Checkpoint> Client::Load(const Source& source, const LoadOptions& options) const {
  auto checkpoint = WithFolder(source, [&](const Source& from) { return impl_->Load(from, options); });
  if (checkpoint.ok() && options.verify) AIRLOCK_TRY(VerifyChecksums(*checkpoint));
  return checkpoint;
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

ClientResult<std::string> Client::Metrics(std::chrono::milliseconds timeout) const {
  const auto ask = [this](grpc::ClientContext* context, auto* response) {
    return impl_->stub().GetMetrics(context, {}, response);
  };
  AIRLOCK_ASSIGN(v1::GetMetricsResponse metrics, impl_->Unary<v1::GetMetricsResponse>(timeout, ask));
  return std::move(*metrics.mutable_prometheus_text());
}

void Client::Cancel() const { impl_->Cancel(); }

void TuneAllocator() {
  // Measured on streams of 1 MiB messages: page faults of fresh memory cost a third of the throughput.
  mallopt(M_MMAP_THRESHOLD, 256 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // namespace airlock
