// PlanCutter: a checked plan as messages of at most 1 MiB, in order. Their bytes are sent from where the plan has them.
// Not thread-safe.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "airlock/v1/plan.pb.h"
#include "server/graph_file.h"
#include "server/service/piece_writer.h"

namespace airlock::server {

// A column on its way out.
struct PlanColumn {
  // Rows.
  size_t size;
  // Adds rows from `from` on to the piece, as many as `budget` bytes allow, and returns how many.
  std::function<size_t(PieceWriter& piece, size_t from, size_t& budget)> take;
};

class PlanCutter {
 public:
  // The plan must not change any more: messages refer to it, and to the graph, until gRPC has sent them. A null graph
  // is left out.
  PlanCutter(std::shared_ptr<const v1::PlanChunk> plan, std::shared_ptr<const SealedGraph> graph);

  // The next piece, encoded as a LoadResponse; nothing at the end.
  std::optional<grpc::ByteBuffer> Next();

 private:
  void AddGraph(const GraphView& graph);
  void AddTensors(const v1::TensorColumns& tensors);
  void AddStorages(const v1::StorageColumns& storages);
  void AddInventory(const v1::PlanChunk& plan);
  void AddEntries(const v1::Entries& entries);

  // Both together: what a message refers to.
  struct Subject {
    std::shared_ptr<const v1::PlanChunk> plan;
    std::shared_ptr<const SealedGraph> graph;
  };

  const std::shared_ptr<const Subject> subject_;
  std::vector<PlanColumn> columns_;
  size_t column_ = 0;
  size_t row_ = 0;
};

}  // namespace airlock::server
