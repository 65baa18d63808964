// Names: the tensors of a checked graph by name, as the walk of torch's own objects would list them.
//
// A name is the path from the root joined by dots. Dicts, lists and tuples are expanded once, at the first path that
// reaches them, in order; a tensor is listed for every edge from an expanded container. Sizes, sets and records are not
// expanded. Linear in nodes plus name bytes, without recursion; memory is bounded by the name_bytes limit.
#pragma once

#include <cstdint>

#include "airlock/v1/plan.pb.h"
#include "server/validate/node_table.h"
#include "server/verdict.h"

namespace airlock::server {

// REQUIRES: CheckGraph passed. Fails as LIMIT_EXCEEDED name_bytes.
OrVerdict<v1::Entries> NameTensors(const v1::PlanChunk& plan, const NodeTable& nodes, uint64_t name_bytes);

}  // namespace airlock::server
