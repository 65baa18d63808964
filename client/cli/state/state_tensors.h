// StateTensors: the tensors of a training state, which stand in a file of their own, under the path at which each is
// met first.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "client/cli/state/state_json.h"
#include "client/cli/state/state_objects.h"
#include "client/cli/state/text_budget.h"

namespace airlock::cli {

// A tensor of any kind, or an array of numpy.
bool IsStateTensor(v1::NodeKind kind);

// Borrows what it is given. Not thread-safe.
class StateTensors {
 public:
  StateTensors(const StateObjects& objects, StateJson& json, TextBudget& budget)
      : contents_(objects.contents()), graph_(objects.graph()), json_(json), budget_(budget) {}

  // The form of a tensor: the same one wherever it is met. REQUIRES: a node that is one.
  ClientResult<void> Write(NodeId node, const std::string& path);

  // By the names in their file; views of this.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }

 private:
  ClientResult<void> Add(NodeId node, const std::string& path);
  ClientResult<void> AddPart(NodeId tensor, const std::string& name, bool complex);
  std::string_view FreeName(const std::string& name);
  void Form(NodeId node, size_t first);
  void SparseForm(NodeId node, size_t first);
  void Flags(bool requires_grad, bool parameter);
  uint64_t LettersOf(NodeId node, size_t first) const;

  const Contents& contents_;
  const Graph& graph_;
  StateJson& json_;
  TextBudget& budget_;
  std::vector<NamedTensor> tensors_;
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string, uint64_t> next_;
  // Where the names of a node's parts begin.
  std::unordered_map<NodeId, size_t> first_;
};

}  // namespace airlock::cli
