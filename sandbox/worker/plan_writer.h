// PlanWriter: fills PLAN frames row by row, and hands each on when it is full. The reader concatenates tables, so a
// frame may end anywhere between two rows.
#pragma once

#include <cstddef>
#include <string>

#include "airlock/v1/plan.pb.h"
#include "sandbox/worker/emit.h"

namespace airlock::worker {

// Not thread-safe; borrows the sink.
class PlanWriter {
 public:
  explicit PlanWriter(FrameSink& sink) : sink_(sink) {}

  // For rows of at most `bytes` encoded bytes. REQUIRES: fewer than a frame has room for.
  ::airlock::v1::PlanChunk& Row(size_t bytes) {
    if (used_ + bytes > kFrameBytes) Flush();
    used_ += bytes;
    return rows_;
  }

  // Sends what is left. False if the sink ever said so.
  bool Finish();

 private:
  // The broker takes frames of 64 KiB; tags and lengths of the tables need less than the rest.
  static constexpr size_t kFrameBytes = 60 << 10;

  void Flush();
  void Encode();
  void ClearRows();

  FrameSink& sink_;
  ::airlock::v1::PlanChunk rows_;
  size_t used_ = 0;
  bool taken_ = true;
  std::string framed_;
};

}  // namespace airlock::worker
