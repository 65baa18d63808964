#include "sandbox/worker/plan_writer.h"

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/worker/wire.h"

namespace airlock::worker {

void PlanWriter::Flush() {
  if (used_ == 0) return;
  Encode();
  taken_ = taken_ && sink_.Write(framed_);
  ClearRows();
  used_ = 0;
}

// A Frame that holds the rows as a PlanChunk: what protobuf would make of it.
void PlanWriter::Encode() {
  const size_t plan = rows_.ByteSizeLong();
  framed_.resize(kFramePrefix + FieldSize(plan));
  char* const out = WriteFieldHead(v1::Frame::kPlanFieldNumber, plan, framed_.data() + kFramePrefix);
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
