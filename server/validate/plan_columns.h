// The columns that a worker fills, but for findings: named in one place for all who read them.
#pragma once

#include <cstdint>

#include "airlock/v1/plan.pb.h"
#include "server/plan_piece.h"

namespace airlock::server {

// All of these call `visit` with each column of one plan and the same of another, and end with the first that says
// false.
template <typename Visit>
bool VisitGraph(const v1::GraphColumns& g, const v1::GraphColumns& h, Visit& visit) {
  return visit(g.kinds(), h.kinds()) && visit(g.blob(), h.blob()) && visit(g.counts(), h.counts()) &&
         visit(g.refs(), h.refs()) && visit(g.links(), h.links()) && visit(g.ints(), h.ints()) &&
         visit(g.floats(), h.floats());
}
template <typename Visit>
bool VisitGraph(const v1::GraphColumns& g, const GraphSpans& h, Visit& visit) {
  return visit(g.kinds(), h.kinds) && visit(g.blob(), h.blob) && visit(g.counts(), h.counts) &&
         visit(g.refs(), h.refs) && visit(g.links(), h.links) && visit(g.ints(), h.ints) && visit(g.floats(), h.floats);
}

template <typename Visit>
bool VisitTables(const v1::PlanChunk& a, const v1::PlanChunk& b, Visit& visit) {
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

template <typename Visit>
bool VisitColumns(const v1::PlanChunk& a, const v1::PlanChunk& b, Visit visit) {
  return VisitGraph(a.graph(), b.graph(), visit) && VisitTables(a, b, visit);
}
template <typename Visit>
bool VisitColumns(const v1::PlanChunk& a, const PlanPiece& b, Visit visit) {
  return VisitGraph(a.graph(), b.graph, visit) && VisitTables(a, b.rest, visit);
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
