// Items: the entries of a dict by name, as Python would have them, and the attributes of a record.
#pragma once

#include <string_view>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/pickle/machine.h"

namespace airlock::recovery {

struct Item {
  std::string_view name;  // valid until the graph grows
  pickle::NodeId value = pickle::kNoNode;
};

bool IsDict(const pickle::Graph& graph, pickle::NodeId node);
bool IsTensor(const pickle::Graph& graph, pickle::NodeId node);

// Whether all keys are texts. REQUIRES: IsDict(dict).
bool IsNamed(const pickle::Graph& graph, pickle::NodeId dict);

// The entries whose keys are texts, in order; a name that is there twice has its first place and its last value.
// REQUIRES: IsDict(dict).
std::vector<Item> ItemsOf(const pickle::Graph& graph, pickle::NodeId dict);

// The dict that holds a record's attributes, from its one state; kNoNode where there is none.
pickle::NodeId AttributesOf(const pickle::Graph& graph, pickle::NodeId record);

// The value of the last entry of that name; kNoNode where there is none. REQUIRES: IsDict(dict).
pickle::NodeId Find(const pickle::Graph& graph, pickle::NodeId dict, std::string_view name);

// Counts work that the file asked for: as many opcodes.
Result<void> Charge(pickle::Context& context, uint64_t work);
// Fails where so many more nodes, or bytes of text, would be beyond the limit.
Result<void> CheckRoom(const pickle::Context& context, uint64_t nodes, uint64_t text);

}  // namespace airlock::recovery
