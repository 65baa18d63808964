#include "server/pool/shares.h"

#include <algorithm>
#include <cstdint>

namespace airlock::server {
namespace {

// REQUIRES: the spans lie in one file and do not overlap, so that no sum of theirs overflows.
uint64_t BytesOf(const Spans& spans) {
  uint64_t bytes = 0;
  for (const auto& [start, end] : spans) bytes += end - start;
  return bytes;
}

// The gaps behind these spans, by index, ascending: the `count` widest.
std::vector<size_t> WidestGaps(const Spans& spans, size_t count) {
  std::vector<size_t> gaps(spans.size() - 1);
  for (size_t i = 0; i < gaps.size(); ++i) gaps[i] = i;
  const auto width = [&](size_t i) { return spans[i + 1].first - spans[i].second; };
  std::nth_element(gaps.begin(), gaps.begin() + static_cast<std::ptrdiff_t>(count), gaps.end(),
                   [&](size_t a, size_t b) { return width(a) > width(b); });
  gaps.resize(count);
  std::sort(gaps.begin(), gaps.end());
  return gaps;
}

}  // namespace

Spans OutputSpans(const v1::StorageColumns& storages) {
  Spans spans;
  for (int i = 0; i < storages.place_size(); ++i) {
    if (storages.place(i) != v1::PLACE_OUTPUT || storages.nbytes(i) == 0) continue;
    spans.emplace_back(storages.offset(i), storages.offset(i) + storages.nbytes(i));
  }
  std::sort(spans.begin(), spans.end());
  return spans;
}

Spans Joined(const Spans& spans, size_t most) {
  if (spans.size() <= most) return spans;
  Spans joined;
  size_t first = 0;
  for (const size_t gap : WidestGaps(spans, most - 1)) {
    joined.emplace_back(spans[first].first, spans[gap].second);
    first = gap + 1;
  }
  joined.emplace_back(spans[first].first, spans.back().second);
  return joined;
}

std::vector<Spans> CutShares(const Spans& spans, size_t most) {
  uint64_t left = BytesOf(spans);
  uint64_t shares = std::clamp<uint64_t>(left / kLeastShareBytes, 1, most);
  std::vector<Spans> cut(spans.empty() ? 0 : 1);
  uint64_t have = 0;
  for (const auto& span : spans) {
    const uint64_t bytes = span.second - span.first;
    // The next share begins where more of this span would lie beyond an even part than within it.
    if (shares > 1 && have > 0 && have + bytes / 2 > (have + left) / shares) {
      cut.emplace_back();
      --shares;
      have = 0;
    }
    cut.back().push_back(span);
    have += bytes;
    left -= bytes;
  }
  return cut;
}

std::vector<Spans> WithoutGaps(const std::vector<Spans>& shares) {
  std::vector<Spans> whole;
  for (size_t i = 0; i < shares.size(); ++i) {
    const uint64_t start = i == 0 ? 0 : shares[i].front().first;
    const uint64_t end = i + 1 == shares.size() ? UINT64_MAX : shares[i + 1].front().first;
    whole.push_back({{start, end}});
  }
  return whole;
}

}  // namespace airlock::server
