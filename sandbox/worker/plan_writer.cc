#include "sandbox/worker/plan_writer.h"

#include <algorithm>
#include <cstring>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/worker/wire.h"

namespace airlock::worker {

void PlanWriter::Refs(std::span<const pickle::NodeId> nodes, const NodeNumbers& numbers) {
  while (!nodes.empty()) {
    if (used_ + sizeof(uint32_t) > kFrameValues) Flush();
    const size_t part = std::min(nodes.size(), (kFrameValues - used_) / sizeof(uint32_t));
    numbers.Of(nodes.first(part), graph_->refs.Extend(part));
    used_ += part * sizeof(uint32_t);
    nodes = nodes.subspan(part);
  }
}

void PlanWriter::Blob(std::string_view bytes) {
  while (!bytes.empty()) {
    if (used_ >= kFrameValues) Flush();
    const size_t part = std::min(bytes.size(), kFrameValues - used_);
    std::memcpy(graph_->blob.Extend(part), bytes.data(), part);
    used_ += part;
    bytes.remove_prefix(part);
  }
}

void PlanWriter::Numbers(uint8_t kind, std::string_view values) {
  constexpr size_t kWidth = sizeof(int64_t);
  static_assert(sizeof(double) == kWidth);
  while (!values.empty()) {
    if (used_ + 1 + kWidth > kFrameValues) Flush();
    const size_t part = std::min(values.size() / kWidth, (kFrameValues - used_) / (1 + kWidth));
    std::memset(graph_->kinds.Extend(part), kind, part);
    void* const to = kind == ::airlock::v1::NODE_KIND_INT ? static_cast<void*>(graph_->ints.Extend(part))
                                                          : static_cast<void*>(graph_->floats.Extend(part));
    std::memcpy(to, values.data(), part * kWidth);
    used_ += part * (1 + kWidth);
    values.remove_prefix(part * kWidth);
  }
}

void PlanWriter::Flush() {
  if (used_ == 0) return;
  Encode();
  taken_ = taken_ && sink_.Write(framed_);
  graph_->Clear();
  ClearRows();
  used_ = 0;
}

// A Frame that holds a PlanChunk that holds the graph and then the rows: what protobuf would make of it.
void PlanWriter::Encode() {
  const size_t graph = graph_->EncodedSize();
  const size_t rows = rows_.ByteSizeLong();
  const size_t plan = (graph == 0 ? 0 : FieldSize(graph)) + rows;
  framed_.resize(kFramePrefix + FieldSize(plan));
  char* out = WriteFieldHead(v1::Frame::kPlanFieldNumber, plan, framed_.data() + kFramePrefix);
  if (graph != 0) {
    out = WriteFieldHead(::airlock::v1::PlanChunk::kGraphFieldNumber, graph, out);
    out = graph_->Encode(out);
  }
  rows_.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(out));
}

// The large tables keep their memory for the next frame, which PlanChunk::Clear would give back.
void PlanWriter::ClearRows() {
  if (rows_.has_tensors()) rows_.mutable_tensors()->Clear();
  if (rows_.has_storages()) rows_.mutable_storages()->Clear();
  rows_.clear_devices();
  rows_.clear_symbols();
  rows_.clear_findings();
}

bool PlanWriter::Finish() {
  Flush();
  return taken_;
}

}  // namespace airlock::worker
