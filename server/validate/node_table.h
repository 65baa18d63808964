// NodeTable: where each node of a graph has its values. It cuts the columns of GraphColumns into nodes, and fails
// unless every column is taken to the last value and not further. Holds no copy of the columns.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "airlock/v1/graph.pb.h"
#include "server/verdict.h"

namespace airlock::server {

class NodeTable {
 public:
  // `graph` must outlive the table and not change.
  static OrVerdict<NodeTable> Cut(const v1::GraphColumns& graph);

  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }
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
  explicit NodeTable(const v1::GraphColumns& graph) : graph_(&graph) {}
  int first(uint32_t node) const { return static_cast<int>(nodes_[node].first); }

  const v1::GraphColumns* graph_;
  std::vector<Node> nodes_;
};

}  // namespace airlock::server
