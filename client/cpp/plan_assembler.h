// PlanAssembler: puts the pieces of a daemon's answer together into Contents. The daemon is trusted, the transport may
// break: an answer that is not as complete as its report says is an error, and whatever is used as an index is checked.
#pragma once

#include <google/protobuf/io/coded_stream.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "airlock/checkpoint.h"
#include "airlock/v1/plan.pb.h"
#include "client/cpp/graph_builder.h"
#include "sandbox/base/large_block.h"

namespace airlock {

class PlanAssembler {
 public:
  void Add(v1::Report report);
  // A PlanChunk, up to the stream's limit, which it must have. False where it is none.
  bool Add(google::protobuf::io::CodedInputStream& piece);
  // The graph, instead of in pieces: false where some of it came in one. REQUIRES: called once, no piece comes after.
  bool Add(std::shared_ptr<const MappedGraph> graph) { return graph_.Add(std::move(graph)); }

  // REQUIRES, of both: called once, last.
  ClientResult<std::shared_ptr<const Contents>> Finish();
  // What there is besides graph and tensors: for answers that end in a failure.
  std::shared_ptr<const Contents> Partial() const { return contents_; }

 private:
  template <typename T>
  using Column = std::vector<T, LargeBlocks<T>>;

  // Those columns of tensor.proto that Contents has in another form.
  struct Tensors {
    Column<uint32_t> storage;
    Column<v1::DType> dtype;
    Column<uint32_t> flags;
    Column<uint64_t> offset;
    Column<uint32_t> rank;
  };
  struct Storages {
    Column<v1::Place> place;
    Column<uint64_t> offset;
    Column<uint64_t> nbytes;
    Column<uint32_t> device;
    Column<uint64_t> crc32;
  };
  struct Entries {
    Column<uint32_t> name_bytes;
    Column<uint32_t> tensor;
    Column<uint32_t> meta_name_bytes;
    Column<uint32_t> meta_node;
    Column<uint32_t> meta_at;
  };

  bool AddField(int number, google::protobuf::io::CodedInputStream& piece);
  // Columns of one table each, as far as the piece has some: read once, from where gRPC received them.
  bool AddTensors(google::protobuf::io::CodedInputStream& piece);
  bool AddStorages(google::protobuf::io::CodedInputStream& piece);
  bool AddEntries(google::protobuf::io::CodedInputStream& piece);
  bool BuildStorages();
  bool BuildTensors();
  bool BuildEntries();
  bool BuildMetaEntries();
  bool MatchesTotals() const;

  std::shared_ptr<Contents> contents_ = std::make_shared<Contents>();
  GraphBuilder graph_;
  Tensors tensors_;
  Storages storages_;
  Entries entries_;
};

}  // namespace airlock
