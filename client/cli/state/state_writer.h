// StateWriter: writes objects as the values of training_state.json, typed and lossless. The table of their forms is in
// client/python/README.md: what is written here is what the Python package writes, and what it reads back.
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/cli/state/shared_objects.h"
#include "client/cli/state/state_leaves.h"
#include "client/cli/state/state_tensors.h"

namespace airlock::cli {

// Borrows what it is given. Not thread-safe. Walks with a stack of its own, however deep the objects are.
class StateWriter {
 public:
  // `replaced`: the files in which objects stand that are not written here.
  StateWriter(const StateObjects& objects, const SharedObjects& shared,
              const std::unordered_map<NodeId, std::string>& replaced, StateJson& json, NewFile& file)
      : objects_(objects),
        graph_(objects.graph()),
        shared_(shared),
        replaced_(replaced),
        json_(json),
        file_(file),
        leaves_(objects, json, budget_),
        tensors_(objects, json, budget_) {}

  // One value, where the JSON is ready for one. Those that are written may share others.
  ClientResult<void> Write(ObjectId root);
  // By the names in their file; views of this.
  const std::vector<NamedTensor>& tensors() const { return tensors_.tensors(); }

 private:
  enum class Shape : uint8_t { kItems, kObject, kPairs, kRecord, kEnd };
  // One container that is being written.
  struct Frame {
    NodeId node;
    Shape shape;
    // Objects around it that are closed with it.
    int wraps;
    // Only pairs whose keys are text.
    bool named;
    std::span<const NodeId> refs;
    size_t next;
    size_t path_length;
    bool path_any;
  };

  ClientResult<void> Step();
  ClientResult<void> StepItems();
  ClientResult<void> StepObject();
  ClientResult<void> StepPairs();
  ClientResult<void> StepRecord();
  // What stands behind the contents of a container; then it is done.
  ClientResult<void> Finish();
  ClientResult<void> FinishTagged(NodeId node);
  void Pop();

  ClientResult<void> Visit(NodeId node);
  ClientResult<void> VisitContainer(ObjectId id);
  ClientResult<void> Begin(ObjectId id, int wraps);
  ClientResult<void> BeginObject(NodeId node, std::span<const NodeId> pairs, bool named, int wraps);
  void BeginTagged(const char* tag, NodeId node, Shape shape, std::span<const NodeId> refs, int wraps);
  void Push(NodeId node, Shape shape, int wraps, std::span<const NodeId> refs);
  bool Skips(const Frame& frame, NodeId key) const { return frame.named && !objects_.IsAttribute(key); }
  void AppendPart(const std::string& part);
  Unexpected<ClientError> NoForm(NodeId node) const;

  const StateObjects& objects_;
  const Graph& graph_;
  const SharedObjects& shared_;
  const std::unordered_map<NodeId, std::string>& replaced_;
  StateJson& json_;
  NewFile& file_;
  TextBudget budget_;
  StateLeaves leaves_;
  StateTensors tensors_;
  std::vector<Frame> stack_;
  // The path of what is being written; the root has no parts.
  std::string path_;
  bool path_any_ = false;
  // The numbers of shared objects, by node; then those of attributes.
  std::unordered_map<uint64_t, uint64_t> numbers_;
};

}  // namespace airlock::cli
