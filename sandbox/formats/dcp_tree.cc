#include "sandbox/formats/dcp_tree.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;

Unexpected<Error> Malformed(const std::string& name) {
  return Fail(Reason::kSetMalformed, ".metadata: '" + name + "' stands where something else does");
}

}  // namespace

Result<uint32_t> DcpTree::NewPlace() {
  const uint64_t limit = context_.limits.nodes;
  if (places_.size() >= limit) return FailLimit("nodes", limit, places_.size() + 1);
  places_.emplace_back();
  return static_cast<uint32_t>(places_.size() - 1);
}

Result<uint32_t> DcpTree::Step(uint32_t at, const DcpStep& step, const std::string& name) {
  const Shape wanted = std::holds_alternative<std::string>(step) ? Shape::kDict : Shape::kList;
  if (places_[at].shape == Shape::kEmpty) places_[at].shape = wanted;
  if (places_[at].shape != wanted) return Malformed(name);
  if (wanted == Shape::kDict) {
    const auto& key = std::get<std::string>(step);
    if (const auto found = places_[at].index.find(key); found != places_[at].index.end()) return found->second;
    AIRLOCK_ASSIGN(const uint32_t fresh, NewPlace());
    Place& place = places_[at];
    place.index.emplace(key, fresh);
    place.keys.push_back(key);
    place.children.push_back(fresh);
    return fresh;
  }
  const uint64_t position = std::get<uint64_t>(step);
  while (places_[at].children.size() <= position) {
    AIRLOCK_ASSIGN(const uint32_t fresh, NewPlace());
    places_[at].children.push_back(fresh);
  }
  return places_[at].children[position];
}

Result<void> DcpTree::Set(const DcpEntry& entry, NodeId value) {
  uint32_t at = 0;
  if (entry.path.empty()) {
    AIRLOCK_ASSIGN(at, Step(at, entry.name, entry.name));
  }
  for (const DcpStep& step : entry.path) {
    AIRLOCK_ASSIGN(at, Step(at, step, entry.name));
  }
  if (places_[at].shape != Shape::kEmpty) return Malformed(entry.name);
  places_[at].shape = Shape::kValue;
  places_[at].value = value;
  return {};
}

Result<NodeId> DcpTree::Build() {
  pickle::Graph& graph = context_.graph;
  if (places_[0].shape == Shape::kList) return Fail(Reason::kSetMalformed, ".metadata: a root that is no dict");
  places_[0].shape = Shape::kDict;
  // Children first.
  for (size_t i = places_.size(); i-- > 0;) {
    Place& place = places_[i];
    std::vector<NodeId> children;
    if (place.shape == Shape::kEmpty) place.value = graph.None();
    if (place.shape == Shape::kEmpty || place.shape == Shape::kValue) continue;
    for (size_t k = 0; k < place.children.size(); ++k) {
      if (place.shape == Shape::kDict) children.push_back(graph.Text(Kind::kString, place.keys[k]));
      children.push_back(places_[place.children[k]].value);
    }
    place.value = graph.Container(place.shape == Shape::kDict ? Kind::kDict : Kind::kList, children);
  }
  return places_[0].value;
}

}  // namespace airlock::formats
