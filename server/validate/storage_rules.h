// What storages must be: spans of a real file that do not overlap, each in one file of a set. Pure, n log n, total.
#pragma once

#include <cstdint>
#include <vector>

#include "airlock/v1/plan.pb.h"
#include "server/verdict.h"

namespace airlock::server {

// The real sizes of the files that spans may lie in.
struct PlaceSizes {
  uint64_t input = 0;
  uint64_t output = 0;
  // Where each file of a set ends in the input, ascending; empty: the input is one file.
  std::vector<uint64_t> file_ends = {};
};

OrVerdict<void> CheckStorages(const v1::PlanChunk& plan, const PlaceSizes& sizes);

}  // namespace airlock::server
