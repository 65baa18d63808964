// GraphView: the columns of one value graph (airlock/v1/graph.proto), wherever they lie. Holds none of them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "sandbox/base/graph_file.h"

namespace airlock::server {

// Bytes of each column.
using GraphLengths = std::array<uint64_t, kGraphColumns>;

struct GraphView {
  std::string_view kinds;
  std::span<const uint32_t> counts;
  std::span<const uint32_t> refs;
  std::span<const uint32_t> links;
  std::span<const int64_t> ints;
  std::span<const double> floats;
  std::string_view blob;
};

}  // namespace airlock::server
