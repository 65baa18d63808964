// Shares: what of the output each of several workers is to write, so that they take about as long. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "airlock/v1/plan.pb.h"
#include "server/pool/session.h"

namespace airlock::server {

// Spans of the output that storages of the plan fill, by offset.
Spans OutputSpans(const v1::StorageColumns& storages);

// At most `most` spans, with gaps in them where there are more: the widest gaps stay. REQUIRES: they are ascending and
// do not overlap, most > 0.
Spans Joined(const Spans& spans, size_t most);

// At most `most` groups of neighbours, each of about as many bytes and none of them empty: fewer where there would be
// less than kLeastShareBytes for each. REQUIRES: as for Joined.
std::vector<Spans> CutShares(const Spans& spans, size_t most);

// A worker has its job, decodes, and is reaped in the time in which so much is inflated.
inline constexpr uint64_t kLeastShareBytes = uint64_t{16} << 20;

// The same shares, made up to the whole output: what no storage of the plan is fills the gaps, and is somebody's too.
std::vector<Spans> WithoutGaps(const std::vector<Spans>& shares);

}  // namespace airlock::server
