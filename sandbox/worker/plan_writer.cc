#include "sandbox/worker/plan_writer.h"

#include <algorithm>

namespace airlock::worker {

PlanWriter::PlanWriter(FrameSink& sink)
    : sink_(sink), graph_(frame_.mutable_plan()->mutable_graph()), kinds_(graph_->mutable_kinds()) {}

void PlanWriter::Blob(std::string_view bytes) {
  while (!bytes.empty()) {
    if (used_ >= kMostBytes) Flush();
    const size_t part = std::min(bytes.size(), kMostBytes - used_);
    graph_->mutable_blob()->append(bytes.substr(0, part));
    used_ += part;
    bytes.remove_prefix(part);
  }
}

void PlanWriter::Flush() {
  if (used_ == 0) return;
  frame_.SerializeToString(&encoded_);
  taken_ = taken_ && sink_.Write(encoded_);
  frame_.mutable_plan()->Clear();
  graph_ = frame_.mutable_plan()->mutable_graph();
  kinds_ = graph_->mutable_kinds();
  used_ = 0;
}

bool PlanWriter::Finish() {
  Flush();
  return taken_;
}

}  // namespace airlock::worker
