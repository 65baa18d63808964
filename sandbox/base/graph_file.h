// The graph file: the columns of one value graph (airlock/v1/graph.proto), side by side in a memory file, each with
// room for more than it needs. A worker writes them, the broker checks them where they are, a caller of the same
// machine maps them. What a column holds is what its field would hold on the wire.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace airlock {

// kinds, counts, refs, links, ints, floats, blob: the fields of GraphColumns, in order.
inline constexpr size_t kGraphColumns = 7;
// Bytes of one value of each.
inline constexpr std::array<size_t, kGraphColumns> kGraphWidths = {1, 4, 4, 4, 8, 8, 1};

// Bytes of a column at most.
inline constexpr uint64_t kMaxGraphRoom = uint64_t{1} << 30;

// Columns begin where pages of any size do.
inline constexpr uint64_t kGraphAlignment = uint64_t{64} << 10;

// The room of each column, where a plan may take so many bytes of memory.
constexpr uint64_t GraphRoom(uint64_t memory_bytes) {
  return (std::min(memory_bytes, kMaxGraphRoom) + kGraphAlignment - 1) / kGraphAlignment * kGraphAlignment;
}

}  // namespace airlock
