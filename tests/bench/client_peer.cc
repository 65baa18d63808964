// airlock-bench-client: Airlock's C++ client against a running daemon.
//
//   airlock-bench-client load ADDRESS FILE      each round: one load, then every byte of it summed
//   airlock-bench-client inspect ADDRESS FILE   each round: the value graph, without payload
//   airlock-bench-client rate ADDRESS FILE      each round: loads of --clients threads for --seconds; their latencies
#include <CLI/CLI.hpp>
#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "airlock/checksums.h"
#include "airlock/client.h"
#include "tests/bench/round_loop.h"
#include "tests/support/guarded_main.h"

namespace airlock::bench {
namespace {

struct Options {
  std::string address;
  std::string file;
  bool on_server = false;
  bool into_buffer = false;
  std::string delivery = "stream";
  bool copy = false;
  bool verify = false;
  bool verify_beside = false;
  bool untouched = false;
  std::vector<std::string> select;
  TlsOptions tls;
  size_t clients = 1;
  double seconds = 2;
};

[[noreturn]] void Fail(const std::string& message) {
  std::cerr << "airlock-bench-client: " << message << '\n';
  std::exit(70);
}

template <typename T>
T Must(ClientResult<T> result) {
  if (!result.ok()) Fail(result.error().message.empty() ? result.error().reason_name() : result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

Source SourceOf(const Options& options) {
  return options.on_server ? Source::OnServer(options.file) : Source::File(options.file);
}

LoadOptions LoadOptionsOf(const Options& options) {
  LoadOptions load;
  load.delivery = options.delivery == "mapped" ? v1::DELIVERY_MAPPED : v1::DELIVERY_STREAM;
  load.copy = options.copy;
  load.verify = options.verify;
  load.select = options.select;
  return load;
}

// The caller's own memory, which keeps its pages from round to round.
class BufferSink final : public StorageSink {
 public:
  ClientResult<void> Plan(const std::shared_ptr<const Contents>& contents) override {
    if (buffer_.size() < contents->payload_bytes()) buffer_.resize(contents->payload_bytes());
    used_ = 0;
    contents_ = contents;
    return {};
  }
  std::span<std::byte> Room(uint32_t index, uint64_t offset) override {
    return std::span(buffer_).subspan(used_, contents_->storage(index).bytes - offset);
  }
  ClientResult<void> Data(uint32_t /*index*/, uint64_t /*offset*/, std::string_view bytes) override {
    std::byte* const place = buffer_.data() + used_;
    if (static_cast<const void*>(bytes.data()) != place) std::memcpy(place, bytes.data(), bytes.size());
    used_ += bytes.size();
    return {};
  }
  ClientResult<void> End(uint32_t /*index*/) override { return {}; }

  std::span<const std::byte> bytes() const { return {buffer_.data(), used_}; }

 private:
  std::shared_ptr<const Contents> contents_;
  std::vector<std::byte> buffer_;
  size_t used_ = 0;
};

nlohmann::json LoadIntoBuffer(const Client& client, const Options& options, BufferSink& sink) {
  const Stopwatch watch;
  Must(client.Load(SourceOf(options), LoadOptionsOf(options), sink));
  const double loaded = watch.seconds();
  const uint64_t sum = SumOfWords(sink.bytes());
  return {{"mapped", loaded}, {"touched", watch.seconds()}, {"sum", sum}};
}

nlohmann::json LoadOnce(const Client& client, const Options& options) {
  const Stopwatch watch;
  const Checkpoint checkpoint = Must(client.Load(SourceOf(options), LoadOptionsOf(options)));
  const double loaded = watch.seconds();
  if (options.untouched) return {{"mapped", loaded}};
  std::optional<Verification> verification;
  if (options.verify_beside) verification.emplace(checkpoint);
  uint64_t sum = 0;
  for (size_t i = 0; i < checkpoint.contents().storage_count(); ++i) {
    if (const auto& storage = checkpoint.storage(i)) sum += SumOfWords(storage->bytes());
  }
  if (verification) Must(verification->Finish());
  return {{"mapped", loaded}, {"touched", watch.seconds()}, {"sum", sum}};
}

nlohmann::json InspectOnce(const Client& client, const Options& options) {
  const Stopwatch watch;
  const auto contents = Must(client.Inspect(SourceOf(options)));
  const double seconds = watch.seconds();
  const auto& timing = contents->report().timing();
  return {{"mapped", seconds},
          {"touched", seconds},
          {"decode", static_cast<double>(timing.decode_us()) / 1e6},
          {"validate", static_cast<double>(timing.validate_us()) / 1e6},
          {"nodes", contents->graph().size()}};
}

double Quantile(const std::vector<double>& sorted, double at) {
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(at * static_cast<double>(sorted.size())))];
}

nlohmann::json LoadForAWhile(const Client& client, const Options& options) {
  std::mutex mutex;
  std::vector<double> all;
  const Stopwatch watch;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < options.clients; ++i) {
    threads.emplace_back([&] {
      std::vector<double> own;
      while (watch.seconds() < options.seconds) {
        const Stopwatch one;
        Must(client.Load(SourceOf(options), LoadOptionsOf(options)));
        own.push_back(one.seconds());
      }
      const std::lock_guard lock(mutex);
      all.insert(all.end(), own.begin(), own.end());
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = watch.seconds();
  std::sort(all.begin(), all.end());
  return {{"per_second", static_cast<double>(all.size()) / seconds},
          {"p50", Quantile(all, 0.5)},
          {"p99", Quantile(all, 0.99)},
          {"worst", all.back()}};
}

void AddOptions(CLI::App& app, Options& options) {
  app.add_option("ADDRESS", options.address)->required();
  app.add_option("FILE", options.file)->required();
  app.add_flag("--on-server", options.on_server, "FILE is one under a root of the daemon");
  app.add_flag("--into-buffer", options.into_buffer, "into memory that is there already");
  app.add_option("--delivery", options.delivery)->check(CLI::IsMember({"stream", "mapped"}));
  app.add_flag("--copy", options.copy, "mapped: read into memory instead");
  app.add_flag("--verify", options.verify, "hold the bytes against the file's checksums");
  app.add_flag("--verify-beside", options.verify_beside, "the same while they are summed");
  app.add_flag("--untouched", options.untouched, "leave the bytes alone");
  app.add_option("--select", options.select);
  app.add_option("--tls-ca", options.tls.ca_file);
  app.add_option("--tls-cert", options.tls.certificate_file);
  app.add_option("--tls-key", options.tls.key_file);
  app.add_option("--clients", options.clients);
  app.add_option("--seconds", options.seconds);
}

int Run(int argc, char** argv) {
  TuneAllocator();
  Options options;
  CLI::App app{"Airlock's client, measured"};
  app.require_subcommand(1);
  for (const char* kind : {"load", "inspect", "rate"}) AddOptions(*app.add_subcommand(kind), options);
  CLI11_PARSE(app, argc, argv);
  const std::string kind = app.get_subcommands().front()->get_name();
  const Client client = Must(Client::Connect(options.address, options.tls));
  BufferSink sink;
  RunRounds([&]() -> nlohmann::json {
    if (kind == "inspect") return InspectOnce(client, options);
    if (kind == "rate") return LoadForAWhile(client, options);
    return options.into_buffer ? LoadIntoBuffer(client, options, sink) : LoadOnce(client, options);
  });
  return 0;
}

}  // namespace
}  // namespace airlock::bench

int main(int argc, char** argv) { return airlock::testing::GuardedMain(airlock::bench::Run, argc, argv); }
