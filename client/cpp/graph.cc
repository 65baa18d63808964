#include "airlock/value.h"

namespace airlock {
namespace {

constexpr uint32_t kSparseLayout = 7;

}  // namespace

std::span<const NodeId> Graph::Pairs(NodeId node) const {
  const size_t skip = kind(node) == v1::NODE_KIND_ORDERED_DICT ? 1 : 0;
  return {refs_.data() + places_[node].first + skip, size_t{2} * places_[node].count};
}

Record Graph::RecordAt(NodeId node) const {
  const uint32_t bits = places_[node].count;
  const uint32_t* ref = refs_.data() + places_[node].first;
  Record record;
  record.callee = *ref++;
  auto part = [&](v1::RecordPart bit) { return (bits & bit) != 0 ? std::optional<NodeId>(*ref++) : std::nullopt; };
  record.args = part(v1::RECORD_PART_ARGS);
  record.kwargs = part(v1::RECORD_PART_KWARGS);
  record.state = part(v1::RECORD_PART_STATE);
  record.items = part(v1::RECORD_PART_ITEMS);
  record.pairs = part(v1::RECORD_PART_PAIRS);
  record.recovered = part(v1::RECORD_PART_RECOVERED);
  record.by_new = (bits & v1::RECORD_PART_NEW) != 0;
  record.many_states = (bits & v1::RECORD_PART_STATES) != 0;
  return record;
}

std::span<const NodeId> Graph::Parts(NodeId node) const {
  return {refs_.data() + places_[node].first, size_t{kind(node) == v1::NODE_KIND_NESTED_TENSOR ? 4U : 2U}};
}

SparseTensor Graph::SparseAt(NodeId node) const {
  const uint32_t bits = places_[node].count;
  const NodeId* part = refs_.data() + places_[node].first;
  return {.layout = static_cast<v1::SparseBit>(bits & kSparseLayout),
          .requires_grad = (bits & v1::SPARSE_BIT_REQUIRES_GRAD) != 0,
          .coalesced = (bits & v1::SPARSE_BIT_COALESCED) != 0,
          .indices = part[0],
          .more_indices = kind(part[1]) == v1::NODE_KIND_NONE ? std::nullopt : std::optional<NodeId>(part[1]),
          .values = part[2],
          .size = part[3]};
}

MetaTensor Graph::MetaAt(NodeId node) const {
  const NodeId* part = refs_.data() + places_[node].first;
  return {.flags = places_[node].count, .dtype = Text(part[0]), .shape = part[1], .strides = part[2]};
}

std::optional<NodeId> Graph::Find(NodeId dict, std::string_view key) const {
  const std::span<const NodeId> pairs = Pairs(dict);
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (kind(pairs[i]) == v1::NODE_KIND_STRING && Text(pairs[i]) == key) return pairs[i + 1];
  }
  return std::nullopt;
}

bool IsDict(v1::NodeKind kind) { return kind == v1::NODE_KIND_DICT || kind == v1::NODE_KIND_ORDERED_DICT; }
bool IsSequence(v1::NodeKind kind) { return kind == v1::NODE_KIND_LIST || kind == v1::NODE_KIND_TUPLE; }

}  // namespace airlock
