// ValueWalk: the byte strings and texts that a root reaches as values, each once, and the path to each, as names of
// tensors are put together (`state.optimizer.0`).
//
// The graph may grow, and a node that Next gave may become another, between two calls. Keys of dicts and members of
// sets are not values: what they are compared by must stay. No recursion. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/pickle/graph.h"

namespace airlock::formats {

class ValueWalk {
 public:
  ValueWalk(const pickle::Graph& graph, pickle::NodeId root);
  // Another one, walked after those before it. REQUIRES: Next was not called yet.
  void AddRoot(pickle::NodeId root);

  // The next kBytes, kByteArray or kString node; kNoNode at the end.
  pickle::NodeId Next();
  // Of a node that Next gave. REQUIRES: it has not become another.
  std::string PathOf(pickle::NodeId node) const;
  // What a node that Next gave has become is to be walked too.
  void Enter(pickle::NodeId node) { pending_.push_back(node); }
  // Whether the node is a key or part of one too.
  bool IsKey(pickle::NodeId node) const { return node < is_key_.size() && is_key_[node]; }

 private:
  struct Step {
    pickle::NodeId parent = pickle::kNoNode;
    uint32_t position = 0;  // among the parent's children, or the part of a record
  };

  void Grow();
  void MarkKeys(pickle::NodeId node, size_t step);
  void Reach(pickle::NodeId node, pickle::NodeId parent, uint32_t position);
  void Expand(pickle::NodeId node);
  void ExpandRecord(pickle::NodeId node);
  std::string Label(const Step& step) const;

  const pickle::Graph& graph_;
  std::vector<Step> steps_;  // by node
  std::vector<bool> reached_;
  std::vector<bool> is_key_;
  std::vector<pickle::NodeId> pending_;
};

}  // namespace airlock::formats
