// GraphBuilder: makes a Graph of the pieces of its columns, while they arrive. The daemon is trusted, the transport may
// break: whatever will be used as an index is checked.
#pragma once

#include <google/protobuf/io/coded_stream.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "airlock/value.h"

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
  size_t size() const { return graph_.size(); }
  // Checks that the columns fit together and that every index has a target; an answer that broke off does not.
  // REQUIRES: called once, last.
  ClientResult<Graph> Finish(const Tables& tables);

 private:
  static constexpr size_t kColumns = 6;

  bool AddColumn(int number, google::protobuf::io::CodedInputStream& piece, uint32_t bytes);
  bool AddRefs(google::protobuf::io::CodedInputStream& piece, uint32_t bytes);
  // Gives the nodes that have come since their places in the columns, as far as their counts are there.
  void Place();
  void PlaceRun(uint8_t kind);
  bool Complete() const;
  bool AllFit(const Tables& tables) const;
  bool Fits(NodeId node, const Tables& tables) const;
  bool LinkFits(NodeId node, const Tables& tables) const;
  bool PartsFit(NodeId node) const;
  bool AllInts(NodeId items) const;

  Graph graph_;
  // Nodes that have their places.
  size_t placed_ = 0;
  // How much of each column, and of `counts`, they take.
  std::array<uint64_t, kColumns> taken_{};
  size_t counts_ = 0;
  uint32_t highest_ref_ = 0;
  uint64_t kinds_ = 0;  // a bit for each that was met
};

}  // namespace airlock
