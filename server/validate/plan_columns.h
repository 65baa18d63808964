// The columns that a worker fills frame by frame, but for findings: named in one place for all who read them.
#pragma once

#include <cstdint>

#include "airlock/v1/plan.pb.h"

namespace airlock::server {

// Calls `visit` with each column of one plan and the same of another, and ends with the first that says false.
template <typename Visit>
bool VisitColumns(const v1::PlanChunk& a, const v1::PlanChunk& b, const Visit& visit) {
  const v1::TensorColumns& t = a.tensors();
  const v1::TensorColumns& u = b.tensors();
  const v1::StorageColumns& s = a.storages();
  const v1::StorageColumns& r = b.storages();
  return visit(t.storage(), u.storage()) && visit(t.dtype(), u.dtype()) && visit(t.flags(), u.flags()) &&
         visit(t.offset(), u.offset()) && visit(t.rank(), u.rank()) && visit(t.shape(), u.shape()) &&
         visit(t.stride(), u.stride()) && visit(t.quantization(), u.quantization()) && visit(s.place(), r.place()) &&
         visit(s.offset(), r.offset()) && visit(s.nbytes(), r.nbytes()) && visit(s.device(), r.device()) &&
         visit(s.crc32(), r.crc32()) && visit(a.devices(), b.devices()) && visit(a.symbols(), b.symbols());
}

// Of one plan, the sum of what `measure` gives for each.
template <typename Measure>
uint64_t SumOverColumns(const v1::PlanChunk& plan, const Measure& measure) {
  uint64_t sum = 0;
  VisitColumns(plan, plan, [&](const auto& column, const auto&) {
    sum += measure(column);
    return true;
  });
  return sum;
}

}  // namespace airlock::server
