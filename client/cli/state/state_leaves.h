// StateLeaves: how training_state.json writes what holds no further values: numbers, bytes, names, dates. The table of
// its forms is in client/python/README.md.
#pragma once

#include "client/cli/state/state_json.h"
#include "client/cli/state/state_objects.h"
#include "client/cli/state/state_values.h"
#include "client/cli/state/text_budget.h"

namespace airlock::cli {

// Borrows what it is given. Not thread-safe.
class StateLeaves {
 public:
  StateLeaves(const StateObjects& objects, StateJson& json, TextBudget& budget)
      : objects_(objects), graph_(objects.graph()), json_(json), budget_(budget) {}

  // REQUIRES, here and below: the node is an object's own (StateObjects::ObjectOf).
  bool IsLeaf(NodeId node) const;
  // REQUIRES: a leaf.
  ClientResult<void> Write(NodeId node);

 private:
  ClientResult<void> Named(const char* kind, std::string_view text);
  ClientResult<void> Integers(NodeId node);
  ClientResult<void> BigInt(NodeId node);
  ClientResult<void> Complex(NodeId node);
  ClientResult<void> Bytes(const char* kind, std::string_view bytes);
  ClientResult<void> Symbol(NodeId node);
  ClientResult<void> Scalar(NodeId node);
  ClientResult<void> Value(const StateValue& value);
  ClientResult<void> Object(const StateValue& value);
  ClientResult<void> Argument(const StateArgument& argument);

  const StateObjects& objects_;
  const Graph& graph_;
  StateJson& json_;
  TextBudget& budget_;
};

}  // namespace airlock::cli
