// Selection: which storages are delivered where a caller has chosen tensors by name (LoadOptions.select). Works on
// checked plans alone.
#pragma once

#include <cstdint>
#include <string>

#include "airlock/v1/plan.pb.h"
#include "server/verdict.h"

namespace airlock::server {

using Globs = google::protobuf::RepeatedPtrField<std::string>;

// BAD_REQUEST where there are too many patterns, or too much of them.
OrVerdict<void> CheckGlobs(const Globs& globs);

// What of a plan is delivered.
struct Selection {
  // The plan's, with those that no chosen tensor uses as PLACE_LEFT_OUT.
  v1::StorageColumns storages;
  // The sum of the others' bytes.
  uint64_t bytes = 0;
};

// Fails as BAD_REQUEST where so many patterns and so many names would keep a thread busy for minutes.
// REQUIRES: the plan has been checked, and has its entries.
OrVerdict<Selection> Select(const Globs& globs, const v1::PlanChunk& plan);

}  // namespace airlock::server
