// KeyText: a dict key as the part of a name that it becomes: what Python's str() says of it.
//
// Strings as they are (lone surrogates escaped), integers in decimal, floats, booleans, None and tuples as repr() has
// them. Keys that only a pickle could hold (tensors, records) get a short description in angle brackets. Long keys that
// are no strings are cut: a tuple of tuples could name more than memory holds. Appends valid UTF-8.
#pragma once

#include <cstdint>
#include <string>

#include "airlock/v1/plan.pb.h"
#include "server/validate/node_table.h"

namespace airlock::server {

// REQUIRES: CheckGraph passed.
void AppendKeyText(const v1::PlanChunk& plan, const NodeTable& nodes, uint32_t key, std::string& out);

}  // namespace airlock::server
