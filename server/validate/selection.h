// Selection: which storages are delivered where a caller has chosen tensors by name (LoadOptions.select). Works on
// checked plans alone.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "airlock/v1/plan.pb.h"
#include "server/verdict.h"

namespace airlock::server {

using Globs = google::protobuf::RepeatedPtrField<std::string>;

// BAD_REQUEST where there are too many patterns, or too much of them.
OrVerdict<void> CheckGlobs(const Globs& globs);

// Marks the storages that no chosen tensor uses as PLACE_LEFT_OUT, and returns the sum of the others' bytes. Fails as
// BAD_REQUEST where so many patterns and so many names would keep a thread busy for minutes.
// REQUIRES: the plan has been checked, and has its entries.
OrVerdict<uint64_t> Select(const Globs& globs, v1::PlanChunk& plan);

// Spans of the output that delivered storages fill, by offset: at most `most`, with gaps in them where there are more.
std::vector<std::pair<uint64_t, uint64_t>> OutputSpans(const v1::StorageColumns& storages, size_t most);

}  // namespace airlock::server
