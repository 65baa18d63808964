// NodeTable: where each node of a graph has its values. It cuts the columns into nodes, and fails unless every column
// is taken to the last value and not further. Holds no copy of the columns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "airlock/v1/graph.pb.h"
#include "sandbox/base/large_block.h"
#include "server/graph_view.h"
#include "server/validate/rules.h"
#include "server/verdict.h"

namespace airlock::server {

// The bit of a kind in a set of kinds. REQUIRES: the kind is known.
constexpr uint64_t KindBit(v1::NodeKind kind) { return uint64_t{1} << kind; }
template <typename... Kinds>
constexpr uint64_t KindSet(Kinds... kinds) {
  return (KindBit(kinds) | ...);
}

class NodeTable {
 public:
  // The columns must outlive the table, and not change.
  static OrVerdict<NodeTable> Cut(const GraphView& graph);

  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }
  // Whether any node is of one of these kinds.
  bool Any(uint64_t kinds) const { return (kinds_ & kinds) != 0; }
  // `use` of every node of one of these kinds, in order, until one fails. Most files have few kinds, or none of those.
  template <typename Use>
  OrVerdict<void> ForEach(uint64_t kinds, const Use& use) const {
    if (!Any(kinds)) return {};
    for (uint32_t node = 0; node < size(); ++node) {
      if ((kinds & KindBit(kind(node))) != 0) AIRLOCK_TRY(use(node));
    }
    return {};
  }
  v1::NodeKind kind(uint32_t node) const { return static_cast<v1::NodeKind>(static_cast<uint8_t>(graph_.kinds[node])); }
  // Of all nodes.
  std::span<const uint32_t> refs() const { return graph_.refs; }
  // RECORD, SPARSE_TENSOR, META_TENSOR: their bits. REQUIRES of this and the following: kind(node) has what is asked
  // for.
  uint32_t count(uint32_t node) const { return nodes_[node].count; }
  std::span<const uint32_t> refs(uint32_t node) const;
  std::string_view blob(uint32_t node) const;
  uint32_t link(uint32_t node, uint32_t index = 0) const { return graph_.links[nodes_[node].first + index]; }
  int64_t integer(uint32_t node) const { return graph_.ints[nodes_[node].first]; }
  double real(uint32_t node, uint32_t index = 0) const { return graph_.floats[nodes_[node].first + index]; }

 private:
  struct Node {
    // In the one column other than `counts` that the kind takes from.
    uint32_t first;
    uint32_t count;
  };
  static constexpr size_t kColumns = 6;

  // How far the columns are cut.
  struct Progress {
    size_t node = 0;
    // How much of `counts`, and of each other column, the nodes so far take.
    uint64_t count = 0;
    std::array<uint64_t, kColumns> taken{};
    uint64_t kinds = 0;  // a bit for each that was met
  };

  explicit NodeTable(const GraphView& graph) : graph_(graph) {}
  // What is wrong with the first node that is none.
  std::optional<Rule> CutNodes(Progress& at);
  OrVerdict<void> CheckTaken(const Progress& at) const;
  static void Place(std::span<Node> nodes, uint32_t first, uint64_t step);

  GraphView graph_;
  std::vector<Node, LargeBlocks<Node>> nodes_;
  uint64_t kinds_ = 0;
};

}  // namespace airlock::server
