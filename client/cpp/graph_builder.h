// GraphBuilder: makes a Graph of the pieces of its columns, while they arrive, or of a file that holds them all. The
// daemon is trusted, the transport may break: whatever will be used as an index is checked.
#pragma once

#include <google/protobuf/io/coded_stream.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "airlock/value.h"
#include "client/cpp/mapped_graph.h"
#include "sandbox/base/large_block.h"

namespace airlock {

class GraphBuilder {
 public:
  // Sizes of the tables that links point into.
  struct Tables {
    uint64_t tensors = 0;
    uint64_t storages = 0;
    uint64_t symbols = 0;
  };

  // Takes a GraphColumns, up to the stream's limit, which it must have: columns are copied once, from where gRPC
  // received them. False where it is none.
  bool Add(google::protobuf::io::CodedInputStream& piece);
  // Instead of pieces: false where some came. The graph is a view of it. REQUIRES: called once, no piece comes after.
  bool Add(std::shared_ptr<const MappedGraph> mapped);
  size_t size() const { return graph_.size(); }
  // Checks that the columns fit together and that every index has a target; an answer that broke off does not.
  // REQUIRES: called once, last.
  ClientResult<Graph> Finish(const Tables& tables);

 private:
  static constexpr size_t kColumns = 6;
  template <typename T>
  using Column = std::vector<T, LargeBlocks<T>>;

  // What the graph is a view of.
  struct Columns {
    // Those of graph.proto, as far as they have come in pieces.
    Column<uint8_t> kinds;
    Column<uint32_t> counts;
    Column<uint32_t> refs;
    Column<uint32_t> links;
    Column<int64_t> ints;
    Column<double> floats;
    Column<char> blob;
    // Or all of them.
    std::shared_ptr<const MappedGraph> mapped;
    Column<Graph::Place> places;
  };

  bool AddColumn(int number, google::protobuf::io::CodedInputStream& piece, uint32_t bytes);
  void ViewPieces();
  // Looks at the refs that have come since.
  void FindHighestRef();
  // Gives the nodes that have come since their places in the columns, as far as their counts are there.
  void Place();
  void PlaceRun(uint8_t kind);
  bool Complete() const;
  bool AllFit(const Tables& tables) const;
  bool Fits(NodeId node, const Tables& tables) const;
  bool LinkFits(NodeId node, const Tables& tables) const;
  bool PartsFit(NodeId node) const;
  bool AllInts(NodeId items) const;

  std::shared_ptr<Columns> columns_ = std::make_shared<Columns>();
  Graph graph_;
  std::span<const uint32_t> counts_;
  // Some of a column has come in a piece.
  bool pieces_ = false;
  // Nodes that have their places.
  size_t placed_ = 0;
  // How much of each column, and of `counts_`, they take.
  std::array<uint64_t, kColumns> taken_{};
  size_t taken_counts_ = 0;
  // Of so many refs.
  NodeId highest_ref_ = 0;
  size_t seen_refs_ = 0;
  uint64_t kinds_ = 0;  // a bit for each that was met
};

}  // namespace airlock
