// PlanWriter: fills PLAN frames column by column and hands each on when it is full. The reader concatenates columns, so
// a frame may end anywhere, in the middle of a text too.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "airlock/v1/plan.pb.h"
#include "sandbox/worker/emit.h"
#include "sandbox/worker/emit_order.h"
#include "sandbox/worker/graph_frame.h"

namespace airlock::worker {

// Not thread-safe; borrows the sink.
class PlanWriter {
 public:
  explicit PlanWriter(FrameSink& sink) : sink_(sink) {}

  // One value of one column each.
  void Kind(uint8_t kind) {
    Take(1);
    graph_->kinds.Add(static_cast<char>(kind));
  }
  void Count(uint64_t count) {
    Take(sizeof(uint32_t));
    graph_->counts.Add(static_cast<uint32_t>(count));
  }
  void Ref(uint32_t node) {
    Take(sizeof(uint32_t));
    graph_->refs.Add(node);
  }
  // What the nodes are called in the plan.
  void Refs(std::span<const pickle::NodeId> nodes, const NodeNumbers& numbers);
  void Link(uint32_t index) {
    Take(sizeof(uint32_t));
    graph_->links.Add(index);
  }
  void Int(int64_t value) {
    Take(sizeof(value));
    graph_->ints.Add(value);
  }
  void Float(double value) {
    Take(sizeof(value));
    graph_->floats.Add(value);
  }
  void Blob(std::string_view bytes);
  // Nodes of one kind, INT or FLOAT, and their values, eight bytes each.
  void Numbers(uint8_t kind, std::string_view values);

  // The rest of the plan, for rows of at most `bytes` encoded bytes.
  ::airlock::v1::PlanChunk& Row(size_t bytes) {
    Take(bytes);
    return rows_;
  }

  // Sends what is left. False if the sink ever said so.
  bool Finish();

 private:
  void Take(size_t bytes) {
    if (used_ + bytes > kFrameValues) Flush();
    used_ += bytes;
  }
  void Flush();
  void Encode();
  void ClearRows();

  FrameSink& sink_;
  const std::unique_ptr<GraphFrame> graph_{new GraphFrame};  // not filled with zeros: most of it is never used
  ::airlock::v1::PlanChunk rows_;                            // without a graph
  size_t used_ = 0;
  bool taken_ = true;
  std::string framed_;
};

}  // namespace airlock::worker
