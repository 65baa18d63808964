// What the nodes must be that stand for more than one part: sparse, meta and nested tensors, streams, attributes,
// numpy's scalars. Pure, linear in nodes times the limit `nested`, total.
#pragma once

#include "airlock/v1/plan.pb.h"
#include "sandbox/base/limits.h"
#include "server/validate/node_table.h"
#include "server/verdict.h"

namespace airlock::server {

// REQUIRES: CheckGraph and CheckTensors passed.
OrVerdict<void> CheckCompounds(const v1::PlanChunk& plan, const NodeTable& nodes, const Limits& limits);

}  // namespace airlock::server
