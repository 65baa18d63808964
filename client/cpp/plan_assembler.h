// PlanAssembler: puts the pieces of a daemon's answer together into Contents. The daemon is trusted, the transport may
// break: an answer that is not as complete as its report says is an error, and whatever is used as an index is checked.
#pragma once

#include <google/protobuf/io/coded_stream.h>

#include <memory>
#include <utility>

#include "airlock/checkpoint.h"
#include "airlock/v1/plan.pb.h"
#include "client/cpp/graph_builder.h"

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
  bool AddField(int number, google::protobuf::io::CodedInputStream& piece);
  bool BuildStorages();
  bool BuildTensors();
  bool BuildEntries();
  bool BuildMetaEntries();
  bool MatchesTotals() const;

  std::shared_ptr<Contents> contents_ = std::make_shared<Contents>();
  GraphBuilder graph_;
  v1::TensorColumns tensors_;
  v1::StorageColumns storages_;
  v1::Entries entries_;
};

}  // namespace airlock
