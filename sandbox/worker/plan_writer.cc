#include "sandbox/worker/plan_writer.h"

#include <algorithm>

namespace airlock::worker {

PlanWriter::PlanWriter(FrameSink& sink)
    : sink_(sink), graph_(frame_.mutable_plan()->mutable_graph()), kinds_(graph_->mutable_kinds()) {}

void PlanWriter::Refs(std::span<const pickle::NodeId> nodes, const NodeNumbers& numbers) {
  while (!nodes.empty()) {
    if (used_ + sizeof(uint32_t) > kMostBytes) Flush();
    const size_t part = std::min(nodes.size(), (kMostBytes - used_) / sizeof(uint32_t));
    auto& refs = *graph_->mutable_refs();
    refs.Reserve(refs.size() + static_cast<int>(part));
    for (const pickle::NodeId node : nodes.first(part)) refs.AddAlreadyReserved(numbers[node]);
    used_ += part * sizeof(uint32_t);
    nodes = nodes.subspan(part);
  }
}

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
  ClearPlan();
  used_ = 0;
}

// The large tables keep their memory for the next frame, which PlanChunk::Clear would give back.
void PlanWriter::ClearPlan() {
  ::airlock::v1::PlanChunk& plan = *frame_.mutable_plan();
  graph_->Clear();
  if (plan.has_tensors()) plan.mutable_tensors()->Clear();
  if (plan.has_storages()) plan.mutable_storages()->Clear();
  plan.clear_devices();
  plan.clear_symbols();
  plan.clear_findings();
}

bool PlanWriter::Finish() {
  Flush();
  return taken_;
}

}  // namespace airlock::worker
