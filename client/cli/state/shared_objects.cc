#include "client/cli/state/shared_objects.h"

#include <string>

#include "client/cli/state/state_tensors.h"

namespace airlock::cli {

bool HasNamedAttributes(const StateObjects& objects, NodeId node) {
  const Graph& graph = objects.graph();
  if (graph.kind(node) != v1::NODE_KIND_ORDERED_DICT || !IsDict(graph.kind(graph.Attributes(node)))) return false;
  const auto pairs = graph.Pairs(graph.Attributes(node));
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (objects.IsAttribute(pairs[i])) return true;
  }
  return false;
}

SharedObjects::SharedObjects(const StateObjects& objects, const std::unordered_map<NodeId, std::string>& replaced,
                             const std::vector<ObjectId>& roots)
    : objects_(objects), replaced_(replaced), seen_(2 * objects.graph().size()), shared_(2 * objects.graph().size()) {
  for (const ObjectId& root : roots) Meet(root);
  while (!stack_.empty()) {
    const ObjectId id = stack_.back();
    stack_.pop_back();
    Children(id);
  }
}

// Whether it matters which one it is: Python itself has but one empty tuple.
bool SharedObjects::HasIdentity(NodeId node) const {
  switch (objects_.graph().kind(node)) {
    case v1::NODE_KIND_LIST:
    case v1::NODE_KIND_SET:
    case v1::NODE_KIND_DICT:
    case v1::NODE_KIND_ORDERED_DICT:
      return true;
    case v1::NODE_KIND_TUPLE:
    case v1::NODE_KIND_FROZEN_SET:
      return !objects_.graph().Items(node).empty();
    case v1::NODE_KIND_RECORD:
      return objects_.kind(node) != ObjectKind::kValue && objects_.kind(node) != ObjectKind::kException;
    default:
      return false;
  }
}

void SharedObjects::Meet(ObjectId id) {
  if (!id.attributes) {
    if (IsStateTensor(objects_.graph().kind(id.node))) any_tensors_ = true;
    if (!HasIdentity(id.node) || replaced_.contains(id.node)) return;
  }
  const size_t slot = Slot(id);
  if (seen_[slot]) {
    shared_[slot] = true;
    return;
  }
  seen_[slot] = true;
  stack_.push_back(id);
}

void SharedObjects::Attributes(NodeId node) {
  const auto pairs = objects_.graph().Pairs(objects_.graph().Attributes(node));
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (objects_.IsAttribute(pairs[i])) MeetNode(pairs[i + 1]);
  }
}

void SharedObjects::Children(ObjectId id) {
  if (id.attributes) return Attributes(id.node);
  if (objects_.kind(id.node) == ObjectKind::kRecord) return ChildrenOfRecord(id.node);
  for (const NodeId child : objects_.Pairs(id.node)) MeetNode(child);
  for (const NodeId child : objects_.Items(id.node)) MeetNode(child);
  if (HasNamedAttributes(objects_, id.node)) Attributes(id.node);
}

void SharedObjects::ChildrenOfRecord(NodeId node) {
  const Record record = objects_.graph().RecordAt(node);
  MeetNode(record.callee);
  for (const auto& part : {record.args, record.kwargs, record.state, record.items, record.pairs}) {
    if (part) MeetNode(*part);
  }
}

}  // namespace airlock::cli
