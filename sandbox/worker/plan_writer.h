// PlanWriter: fills PLAN frames column by column and hands each on when it is full. The reader concatenates columns, so
// a frame may end anywhere, in the middle of a text too.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/worker/emit.h"
#include "sandbox/worker/emit_order.h"

namespace airlock::worker {

// Not thread-safe; borrows the sink.
class PlanWriter {
 public:
  explicit PlanWriter(FrameSink& sink);

  // One value of one column each.
  void Kind(uint8_t kind) {
    Take(1);
    kinds_->push_back(static_cast<char>(kind));
  }
  void Count(uint64_t count) {
    Take(sizeof(uint32_t));
    graph_->add_counts(static_cast<uint32_t>(count));
  }
  void Ref(uint32_t node) {
    Take(sizeof(uint32_t));
    graph_->add_refs(node);
  }
  // What the nodes are called in the plan.
  void Refs(std::span<const pickle::NodeId> nodes, const NodeNumbers& numbers);
  void Link(uint32_t index) {
    Take(sizeof(uint32_t));
    graph_->add_links(index);
  }
  void Int(int64_t value) {
    Take(sizeof(value));
    graph_->add_ints(value);
  }
  void Float(double value) {
    Take(sizeof(double));
    graph_->add_floats(value);
  }
  void Blob(std::string_view bytes);

  // The rest of the plan, for rows of at most `bytes` encoded bytes.
  ::airlock::v1::PlanChunk& Row(size_t bytes) {
    Take(bytes);
    return *frame_.mutable_plan();
  }

  // Sends what is left. False if the sink ever said so.
  bool Finish();

 private:
  // The broker takes 64 KiB; tags and lengths of the columns need less than what is left.
  static constexpr size_t kMostBytes = 60 << 10;

  void Take(size_t bytes) {
    if (used_ + bytes > kMostBytes) Flush();
    used_ += bytes;
  }
  void Flush();
  void ClearPlan();

  FrameSink& sink_;
  v1::Frame frame_;
  ::airlock::v1::GraphColumns* graph_;
  std::string* kinds_;  // of graph_
  size_t used_ = 0;
  bool taken_ = true;
  std::string encoded_;
};

}  // namespace airlock::worker
