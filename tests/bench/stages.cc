// airlock-stages FILE [ROUNDS] | FILE --peer: where the time of one load goes. Runs the stages of one load after
// another in this process, without walls and without gRPC, and prints the median of the processor's milliseconds in
// each, the kernel's included, as one JSON object: a busy machine disturbs that less than the clock. No stage overlaps
// with another here, as worker and broker do in a daemon. --peer: decodes alone, once for each line on stdin, beside
// the bench's other peers.
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "airlock/client.h"
#include "client/cpp/answer.h"
#include "sandbox/formats/checkpoint.h"
#include "sandbox/recovery/recover.h"
#include "sandbox/worker/emit.h"
#include "sandbox/worker/graph_file_sink.h"
#include "server/frame_reader.h"
#include "server/graph_file.h"
#include "server/service/plan_cutter.h"
#include "server/validate/validator.h"
#include "tests/bench/round_loop.h"
#include "tests/fixtures/memory_file.h"

namespace airlock {
namespace {

using server::Clock;

// More than the frames of most files take.
constexpr size_t kFrameRoom = size_t{64} << 20;

struct Stage {
  const char* name;
  std::vector<double> milliseconds;
  long faults;
};

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "airlock-stages: %s\n", why.c_str());
  std::exit(1);
}

// Frames as they go over the socket: each with its length.
class Collector final : public worker::FrameSink {
 public:
  bool Write(std::span<char> framed) override {
    const size_t length = framed.size() - worker::kFramePrefix;
    for (size_t i = 0; i < worker::kFramePrefix; ++i) framed[i] = static_cast<char>(length >> (8 * i));
    bytes.append(framed.data(), framed.size());
    return true;
  }
  std::string bytes;
};

// Milliseconds that this thread has had.
double ProcessorTime() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return 1e3 * static_cast<double>(used.tv_sec) + 1e-6 * static_cast<double>(used.tv_nsec);
}

// Pages that this thread was given so far.
long Faults() {
  rusage used{};
  getrusage(RUSAGE_THREAD, &used);
  return used.ru_minflt;
}

std::string ReadyFrame() {
  worker::v1::Frame ready;
  ready.mutable_ready()->set_version("stages");
  std::string framed(worker::kFramePrefix, '\0');
  ready.AppendToString(&framed);
  return framed;
}

class Stages {
 public:
  Stages(int fd, uint64_t size) : fd_(fd), size_(size), output_(fixtures::MemoryFile("")) {}

  nlohmann::json DecodeOnce() {
    mallopt(M_MMAP_THRESHOLD, 1 << 20);  // as in a worker
    formats::Checkpoint checkpoint;
    const bench::Stopwatch watch;
    const Result<void> decoded = Decode(formats::Input(fd_, size_), checkpoint);
    const double seconds = watch.seconds();
    if (!decoded.ok()) Die(decoded.error().message);
    return {{"mapped", seconds}};
  }

  void Run() {
    // As in a worker (sandbox/worker/lockdown.cc), and then as in the daemon (server/daemon.cc).
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    formats::Checkpoint checkpoint;
    const formats::Input input(fd_, size_);
    Result<void> decoded;
    Time("decode", [&] { decoded = Decode(input, checkpoint); });
    if (!decoded.ok()) Die(decoded.error().message);
    Collector frames;
    frames.bytes.resize(kFrameRoom);  // its pages are no cost of the worker's
    frames.bytes.clear();
    std::string ready = ReadyFrame();
    (void)frames.Write(ready);
    auto file = server::GraphFile::Create(checkpoint.context.limits.memory_bytes);
    if (!file.ok()) Die("no graph file");
    worker::GraphFileSink graph(file->fd(), file->room());
    Time("emit", [&] { (void)worker::Emit(checkpoint, input, std::move(decoded), {frames, graph}); });
    mallopt(M_MMAP_THRESHOLD, 8 << 20);
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
    mallopt(M_TOP_PAD, 4 << 20);
    server::Validator validator(checkpoint.context.limits,
                                {.input = size_, .output = checkpoint.context.limits.output_bytes});
    std::optional<server::Received> done;
    Time("read_frames", [&] { done = ReadFrames(frames.bytes, validator); });
    std::optional<server::Conclusion> conclusion;
    Time("validate", [&] {
      auto finished = validator.Finish(std::move(done->frame), *file);
      if (!finished.ok()) Die("Finish: " + finished.error().failure().layer());
      conclusion = std::move(finished).value();
    });
    std::vector<grpc::ByteBuffer> pieces;
    Time("cut", [&] { pieces = Cut(*conclusion); });
    frame_bytes = frames.bytes.size();
    const server::GraphLengths& lengths = conclusion->graph->lengths();
    graph_bytes = std::accumulate(lengths.begin(), lengths.end(), uint64_t{0});
    plan_bytes = 0;
    for (const grpc::ByteBuffer& piece : pieces) plan_bytes += piece.Length();
    Answer answer(nullptr);
    v1::InspectResponse report;
    report.mutable_report()->set_outcome(v1::OUTCOME_OK);
    *report.mutable_report()->mutable_totals() = conclusion->totals;
    if (!answer.Take(report).ok()) Die("the report was not taken");
    std::shared_ptr<const Contents> contents;
    Time("client", [&] {
      for (grpc::ByteBuffer& piece : pieces) {
        if (!answer.TakeEncoded<v1::InspectResponse>(piece).ok()) Die("a piece was not taken");
      }
      auto finished = answer.Finish();
      if (!finished.ok()) Die(finished.error().message);
      contents = std::move(finished).value();
    });
    nodes = contents->graph().size();
    tensors = contents->tensor_count();
  }

  void Print() {
    std::printf("{\"nodes\": %zu, \"tensors\": %zu, \"frame_bytes\": %zu, \"graph_bytes\": %zu, \"plan_bytes\": %zu",
                nodes, tensors, frame_bytes, graph_bytes, plan_bytes);
    double sum = 0;
    for (Stage& stage : stages_) {
      std::sort(stage.milliseconds.begin(), stage.milliseconds.end());
      const double median = stage.milliseconds[stage.milliseconds.size() / 2];
      sum += median;
      std::printf(", \"%s_ms\": %.2f, \"%s_faults\": %ld", stage.name, median, stage.name, stage.faults);
    }
    std::printf(", \"sum_ms\": %.2f}\n", sum);
  }

 private:
  void Time(const char* name, const std::function<void()>& work) {
    const long faults = Faults();
    const double start = ProcessorTime();
    work();
    const double took = ProcessorTime() - start;
    auto stage =
        std::find_if(stages_.begin(), stages_.end(), [&](const Stage& s) { return s.name == std::string_view(name); });
    if (stage == stages_.end()) stage = stages_.insert(stage, Stage{name, {}, 0});
    if (stage->milliseconds.empty()) stage->faults = Faults() - faults;  // as in a fresh process
    stage->milliseconds.push_back(took);
  }

  Result<void> Decode(const formats::Input& input, formats::Checkpoint& checkpoint) {
    formats::Output output(output_.get(), checkpoint.context.limits.output_bytes, true);
    AIRLOCK_TRY(formats::Decode(input, output, checkpoint));
    return recovery::Recover(checkpoint.context, checkpoint.tables, checkpoint.root);
  }

  // The last frame. The others go to the validator.
  static std::optional<server::Received> ReadFrames(const std::string& bytes, server::Validator& validator) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) Die("no socket pair");
    std::thread feeder([&] {
      for (size_t at = 0; at < bytes.size();)
        at += static_cast<size_t>(
            std::max<ssize_t>(0, write(ends[1], bytes.data() + at, std::min<size_t>(bytes.size() - at, 60 << 10))));
      close(ends[1]);
    });
    server::FrameReader reader(ends[0]);
    std::optional<server::Received> last;
    while (true) {
      auto next = reader.Next({Clock::now() + std::chrono::minutes(1), std::chrono::minutes(1)});
      if (!next.ok()) Die("frames: " + next.error().failure().layer());
      if (!next->has_value()) break;
      last = std::move(*next);
      if (last->kind != worker::v1::Frame::kPlan) continue;
      if (auto added = validator.Add(std::move(last->piece)); !added.ok())
        Die("Add: " + added.error().failure().message());
    }
    feeder.join();
    close(ends[0]);
    return last;
  }

  static std::vector<grpc::ByteBuffer> Cut(const server::Conclusion& conclusion) {
    server::PlanCutter cutter(conclusion.plan, conclusion.graph);
    std::vector<grpc::ByteBuffer> pieces;
    while (auto piece = cutter.Next()) pieces.push_back(std::move(*piece));
    return pieces;
  }

  const int fd_;
  const uint64_t size_;
  const Fd output_;
  std::vector<Stage> stages_;
  size_t nodes = 0, tensors = 0, frame_bytes = 0, graph_bytes = 0, plan_bytes = 0;
};

}  // namespace
}  // namespace airlock

int main(int argc, char** argv) {
  if (argc < 2) airlock::Die("usage: airlock-stages FILE [ROUNDS] | FILE --peer");
  const airlock::Fd file(open(argv[1], O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) airlock::Die("cannot open the file");
  airlock::Stages stages(file.get(), static_cast<uint64_t>(status.st_size));
  if (argc > 2 && argv[2] == std::string_view("--peer")) {
    airlock::bench::RunRounds([&] { return stages.DecodeOnce(); });
    return 0;
  }
  for (int round = argc > 2 ? std::atoi(argv[2]) : 5; round > 0; --round) stages.Run();
  stages.Print();
}
