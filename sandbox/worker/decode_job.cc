#include "sandbox/worker/decode_job.h"

#include <unistd.h>

#include <span>
#include <utility>
#include <vector>

#include "airlock/v1/file.pb.h"
#include "airlock/v1/limits.pb.h"
#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/file_set.h"
#include "sandbox/formats/input.h"
#include "sandbox/recovery/recover.h"
#include "sandbox/spawner/worker_exit.h"
#include "sandbox/walls/worker_fds.h"
#include "sandbox/worker/emit.h"
#include "sandbox/worker/frame_writer.h"
#include "sandbox/worker/graph_file_sink.h"

namespace airlock::worker {
namespace {

Limits LimitsOf(const airlock::v1::Limits& message) {
  Limits limits;
#define AIRLOCK_LIMIT(name, default_value, why) limits.name = message.name();
#include "sandbox/base/limits.def"
#undef AIRLOCK_LIMIT
  return limits;
}

std::vector<std::pair<uint64_t, uint64_t>> WantedOf(const v1::Job& job) {
  std::vector<std::pair<uint64_t, uint64_t>> spans;
  for (int i = 0; i + 1 < job.wanted_size(); i += 2) spans.emplace_back(job.wanted(i), job.wanted(i + 1));
  return spans;
}

std::vector<formats::FileSet::Named> FilesOf(const v1::Job& job) {
  std::vector<formats::FileSet::Named> files;
  for (const airlock::v1::File& file : job.files()) files.push_back({file.name(), file.size()});
  return files;
}

std::vector<int> InputsOf(const v1::Job& job) {
  std::vector<int> fds;
  for (int i = 0; i <= static_cast<int>(job.further_inputs()); ++i) fds.push_back(walls::InputFd(i));
  return fds;
}

class SocketSink final : public FrameSink {
 public:
  bool Write(std::span<char> framed) override {
    WriteFramed(framed);
    return true;
  }
};

}  // namespace

void DecodeJob(const v1::Job& job) {
  // Never destroyed: the process ends with a heap that nobody tidies up.
  auto& checkpoint = *new formats::Checkpoint;
  checkpoint.context.limits = LimitsOf(job.limits());
  const auto& set = *new formats::FileSet(FilesOf(job), InputsOf(job));
  const formats::Input input =
      job.files().empty() ? formats::Input(walls::kInputFd, job.input_size()) : formats::Input(set);
  formats::Output output(walls::kOutputFd, job.limits().output_bytes(), !job.rewrite());
  if (job.only_wanted()) output.WantOnly(WantedOf(job));
  if (job.hold_back_bytes() > 0) output.HoldBackBeyond(job.hold_back_bytes());
  Result<void> decoded = formats::Decode(input, output, checkpoint, job.member());
  checkpoint.held_back = output.held_back();
  if (decoded.ok()) decoded = recovery::Recover(checkpoint.context, checkpoint.tables, checkpoint.root);
  SocketSink frames;
  GraphFileSink graph(walls::kGraphFd, job.graph_room());
  if (!Emit(checkpoint, input, std::move(decoded), {frames, graph})) _exit(spawner::kWorkerTerminated);
}

}  // namespace airlock::worker
