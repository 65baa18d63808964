#include "tests/hostile/told_graph.h"

#include <unistd.h>

#include <array>

#include "sandbox/base/graph_file.h"
#include "sandbox/walls/worker_fds.h"
#include "sandbox/worker/frame_writer.h"
#include "tests/hostile/hostile_acts.h"

namespace airlock::hostile {
namespace {

template <typename Column>
std::string_view BytesOf(const Column& column) {
  return {reinterpret_cast<const char*>(column.data()), static_cast<size_t>(column.size()) * sizeof(*column.data())};
}

}  // namespace

bool WriteColumn(const airlock::worker::v1::Job& job, size_t column, std::string_view bytes, uint64_t offset) {
  const auto at = static_cast<off_t>(column * job.graph_room() + offset);
  return pwrite(walls::kGraphFd, bytes.data(), bytes.size(), at) == static_cast<ssize_t>(bytes.size());
}

void TellGraph(const airlock::worker::v1::Job& job, airlock::v1::PlanChunk& plan, airlock::worker::v1::Done& done) {
  const auto& graph = plan.graph();
  const std::array<std::string_view, kGraphColumns> columns = {
      graph.kinds(),         BytesOf(graph.counts()), BytesOf(graph.refs()), BytesOf(graph.links()),
      BytesOf(graph.ints()), BytesOf(graph.floats()), graph.blob()};
  const bool says_nothing = done.reason() == 0 && done.graph_bytes().empty();
  for (size_t i = 0; i < columns.size(); ++i) {
    (void)WriteColumn(job, i, columns[i]);
    if (says_nothing) done.add_graph_bytes(columns[i].size());
  }
  plan.clear_graph();
}

void TellTruth(const airlock::worker::v1::Job& job) {
  airlock::worker::v1::Frame plan = TruePlan();
  airlock::worker::v1::Frame done = TrueDone();
  TellGraph(job, *plan.mutable_plan(), *done.mutable_done());
  worker::WriteFrame(plan);
  worker::WriteFrame(done);
}

}  // namespace airlock::hostile
