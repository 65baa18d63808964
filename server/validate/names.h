// Names: the tensors of a checked graph by name, as the walk of torch's own objects would list them.
//
// tensor.proto (Entries) has the rule. Sizes, sets, arguments of records and attributes of tensors are not expanded.
// Linear in nodes plus name bytes, without recursion; memory is bounded by the name_bytes limit.
#pragma once

#include <cstdint>

#include "airlock/v1/inventory.pb.h"
#include "airlock/v1/plan.pb.h"
#include "server/validate/node_table.h"
#include "server/verdict.h"

namespace airlock::server {

struct NameRules {
  uint64_t name_bytes = 0;  // REQUIRES: at most UINT32_MAX
  // Whether numpy arrays are listed.
  bool arrays = false;
};

// Torch's own formats are listed as torch would list them: without numpy arrays.
bool ListsArrays(v1::Format format);

// Writes them to `entries`, which is empty and may be the plan's own. REQUIRES: CheckGraph and CheckCompounds passed.
// Fails as LIMIT_EXCEEDED name_bytes, and leaves some then.
OrVerdict<void> NameTensors(const v1::PlanChunk& plan, const NodeTable& nodes, const NameRules& rules,
                            v1::Entries& entries);

}  // namespace airlock::server
