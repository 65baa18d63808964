#include "server/validate/storage_rules.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "sandbox/base/checked.h"
#include "server/validate/graph_rules.h"
#include "server/validate/rules.h"

namespace airlock::server {
namespace {

// REQUIRES: the span fits the input.
bool CrossesBorder(uint64_t offset, uint64_t nbytes, const std::vector<uint64_t>& file_ends) {
  if (nbytes == 0 || file_ends.empty()) return false;
  return offset + nbytes > *std::upper_bound(file_ends.begin(), file_ends.end() - 1, offset);
}

OrVerdict<void> CheckRow(const v1::PlanChunk& plan, int row, const PlaceSizes& sizes) {
  const auto& storages = plan.storages();
  const v1::Place place = storages.place(row);
  if (place != v1::PLACE_INPUT && place != v1::PLACE_OUTPUT) return Broken(Rule::kStoragePlace);
  const uint64_t size = place == v1::PLACE_INPUT ? sizes.input : sizes.output;
  if (!SpanFits(storages.offset(row), storages.nbytes(row), size)) return Broken(Rule::kStorageSpan);
  if (place == v1::PLACE_INPUT && CrossesBorder(storages.offset(row), storages.nbytes(row), sizes.file_ends)) {
    return Broken(Rule::kStorageBorder);
  }
  if (storages.device(row) >= static_cast<uint32_t>(plan.devices_size())) return Broken(Rule::kStorageDevice);
  if (storages.crc32(row) != 0 && storages.crc32(row) >> 32 != 1) return Broken(Rule::kStorageChecksum);
  return {};
}

struct Span {
  int place;
  uint64_t begin;
  uint64_t end;
};

bool Before(const Span& a, const Span& b) { return a.place != b.place ? a.place < b.place : a.begin < b.begin; }

// A merge sort of the runs that ascend already. torch counts storages, and older versions (1.13) write them in the
// order of their numbers as text (0, 1, 10, 100, 11, ...): a run for each length of a number, where quicksort sees no
// order.
void SortRuns(std::vector<Span>& spans) {
  using Place = std::vector<Span>::iterator;
  std::vector<Place> ends;
  for (Place at = spans.begin(); at != spans.end(); ends.push_back(at))
    at = std::is_sorted_until(at, spans.end(), Before);
  while (ends.size() > 1) {
    std::vector<Place> merged;
    Place begin = spans.begin();
    for (size_t run = 0; run < ends.size(); run += 2) {
      const Place end = ends[std::min(run + 1, ends.size() - 1)];
      std::inplace_merge(begin, ends[run], end, Before);
      merged.push_back(begin = end);
    }
    ends = std::move(merged);
  }
}

// REQUIRES: every span fits its place, so ends do not overflow.
bool Overlap(const v1::StorageColumns& storages) {
  std::vector<Span> spans;
  spans.reserve(static_cast<size_t>(storages.place_size()));
  for (int row = 0; row < storages.place_size(); ++row) {
    if (storages.nbytes(row) == 0) continue;
    spans.push_back({storages.place(row), storages.offset(row), storages.offset(row) + storages.nbytes(row)});
  }
  SortRuns(spans);
  return std::adjacent_find(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
           return a.place == b.place && b.begin < a.end;
         }) != spans.end();
}

}  // namespace

OrVerdict<void> CheckStorages(const v1::PlanChunk& plan, const PlaceSizes& sizes) {
  const auto& storages = plan.storages();
  const int rows = storages.place_size();
  for (const int size :
       {storages.offset_size(), storages.nbytes_size(), storages.device_size(), storages.crc32_size()}) {
    if (size != rows) return Broken(Rule::kStorageColumns);
  }
  for (const auto& device : plan.devices()) {
    if (!IsTorchName(device)) return Broken(Rule::kDeviceName);
  }
  for (int row = 0; row < rows; ++row) AIRLOCK_TRY(CheckRow(plan, row, sizes));
  // Spans that do not overlap add up to at most input + output: no sum of theirs overflows.
  if (Overlap(storages)) return Broken(Rule::kStorageOverlap);
  return {};
}

}  // namespace airlock::server
