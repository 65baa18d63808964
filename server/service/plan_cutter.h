// PlanCutter: a checked plan as pieces of at most 1 MiB on the wire, in order. Not thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "airlock/v1/plan.pb.h"

namespace airlock::server {

class PlanCutter {
 public:
  // `plan` must outlive the cutter and not change.
  explicit PlanCutter(const v1::PlanChunk& plan);

  // False at the end.
  bool Next(v1::PlanChunk& piece);

 private:
  // Copies rows from `from` on into the piece, as many as `budget` bytes allow, and returns how many.
  using Take = std::function<size_t(v1::PlanChunk& piece, size_t from, size_t& budget)>;
  struct Column {
    size_t size;
    Take take;
  };

  void AddGraph(const v1::GraphColumns& graph);
  void AddTensors(const v1::TensorColumns& tensors);
  void AddStorages(const v1::StorageColumns& storages);

  std::vector<Column> columns_;
  size_t column_ = 0;
  size_t row_ = 0;
};

}  // namespace airlock::server
