// What a value graph must be, once its columns are cut into nodes. Pure, linear, total.
#pragma once

#include "airlock/v1/plan.pb.h"
#include "sandbox/base/limits.h"
#include "server/validate/node_table.h"
#include "server/verdict.h"

namespace airlock::server {

// REQUIRES: `nodes` was cut from the graph of `plan`, whose tensors and storages need not be checked yet.
OrVerdict<void> CheckGraph(const v1::PlanChunk& plan, const NodeTable& nodes, const Limits& limits);

// Whether `text` is what torch prints for a dtype, layout or device: lower case, digits, '_' and ':'; 1 to 64 bytes.
bool IsTorchName(std::string_view text);

}  // namespace airlock::server
