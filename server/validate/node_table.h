// NodeTable: where each node of a graph has its values. It cuts the columns of GraphColumns into nodes, as they grow,
// and fails unless every column is taken to the last value and not further. Holds no copy of the columns.
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
  // `graph` must outlive the table, and from Close on not change.
  explicit NodeTable(const v1::GraphColumns& graph) : graph_(&graph) {}
  // Of columns that are complete.
  static OrVerdict<NodeTable> Cut(const v1::GraphColumns& graph);

  // Cuts the nodes that have come since, as far as their counts are there. What is wrong with them Close says, for only
  // then it is known whether a node before them takes more than there is.
  void Advance();
  // The columns are complete. REQUIRES, of all below: it succeeded.
  OrVerdict<void> Close();

  uint32_t size() const { return static_cast<uint32_t>(at_.node); }
  // Whether any node is of one of these kinds.
  bool Any(uint64_t kinds) const { return (at_.kinds & kinds) != 0; }
  // `use` of every node of one of these kinds, in order, until one fails. Most files have few kinds, or none of those.
  template <typename Use>
  OrVerdict<void> ForEach(uint64_t kinds, const Use& use) const {
    if (!Any(kinds)) return {};
    for (uint32_t node = 0; node < size(); ++node) {
      if ((kinds & KindBit(kind(node))) != 0) AIRLOCK_TRY(use(node));
    }
    return {};
  }
  v1::NodeKind kind(uint32_t node) const {
    return static_cast<v1::NodeKind>(static_cast<uint8_t>(graph_->kinds()[node]));
  }
  // RECORD, SPARSE_TENSOR, META_TENSOR: their bits. REQUIRES of this and the following: kind(node) has what is asked
  // for.
  uint32_t count(uint32_t node) const { return nodes_[node].count; }
  std::span<const uint32_t> refs(uint32_t node) const;
  std::string_view blob(uint32_t node) const;
  uint32_t link(uint32_t node, uint32_t index = 0) const {
    return graph_->links(first(node) + static_cast<int>(index));
  }
  int64_t integer(uint32_t node) const { return graph_->ints(first(node)); }
  double real(uint32_t node, uint32_t index = 0) const { return graph_->floats(first(node) + static_cast<int>(index)); }

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

  static void Place(std::span<Node> nodes, Node node, uint64_t step);
  int first(uint32_t node) const { return static_cast<int>(nodes_[node].first); }

  const v1::GraphColumns* graph_;
  // Those from at_.node on have no values yet.
  std::vector<Node, LargeBlocks<Node>> nodes_;
  Progress at_;
  // Of the first node that is none: no further one was cut.
  std::optional<Rule> defect_;
};

}  // namespace airlock::server
