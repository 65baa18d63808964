// SharedObjects: which objects of a training state are met more than once. Tuples too: a pair of one pair twice, sixty
// levels deep, would be 2^60 values.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "client/cli/state/state_objects.h"

namespace airlock::cli {

// What has an identity: an object, or the attributes of an ORDERED_DICT, which Python keeps in a dict of their own.
struct ObjectId {
  NodeId node = 0;
  bool attributes = false;
};

// The attributes of an ORDERED_DICT that have names; empty where it has none.
bool HasNamedAttributes(const StateObjects& objects, NodeId node);

// Borrows what it is given. Immutable; const access is thread-safe.
class SharedObjects {
 public:
  // What is in `replaced` stands elsewhere, with all that is in it.
  SharedObjects(const StateObjects& objects, const std::unordered_map<NodeId, std::string>& replaced,
                const std::vector<ObjectId>& roots);

  bool Shared(ObjectId id) const { return shared_[Slot(id)]; }
  // Whether there are tensors at all.
  bool any_tensors() const { return any_tensors_; }

 private:
  size_t Slot(ObjectId id) const { return size_t{id.node} + (id.attributes ? objects_.graph().size() : 0); }
  void Meet(ObjectId id);
  void MeetNode(NodeId node) { Meet({objects_.ObjectOf(node), false}); }
  bool HasIdentity(NodeId node) const;
  void Children(ObjectId id);
  void ChildrenOfRecord(NodeId node);
  void Attributes(NodeId node);

  const StateObjects& objects_;
  const std::unordered_map<NodeId, std::string>& replaced_;
  std::vector<bool> seen_;
  std::vector<bool> shared_;
  std::vector<ObjectId> stack_;
  bool any_tensors_ = false;
};

}  // namespace airlock::cli
