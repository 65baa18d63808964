#include "sandbox/pickle/graph.h"

#include <algorithm>
#include <array>
#include <bit>

namespace airlock::pickle {
namespace {

// callee, args, kwargs, state, items, pairs, recovered
constexpr size_t kRecordSlots = 7;

std::array<NodeId, kRecordSlots> Slots(const RecordParts& parts) {
  return {parts.callee, parts.args, parts.kwargs, parts.state, parts.items, parts.pairs, parts.recovered};
}

// By number of the kind.
constexpr std::string_view kKindNames[] = {"?",           "None",          "bool",          "bool",
                                           "int",         "int",           "float",         "complex",
                                           "str",         "bytes",         "bytearray",     "list",
                                           "tuple",       "set",           "frozenset",     "dict",
                                           "OrderedDict", "torch.Size",    "dtype",         "layout",
                                           "device",      "tensor",        "storage",       "class or function",
                                           "record",      "sparse tensor", "meta tensor",   "nested tensor",
                                           "stream",      "tensor",        "numpy.ndarray", "numpy scalar",
                                           "numpy.dtype"};
static_assert(std::size(kKindNames) == static_cast<size_t>(Kind::kNumpyDType) + 1);

}  // namespace

std::string_view KindName(Kind kind) { return kKindNames[static_cast<size_t>(kind)]; }

Graph::Graph() {
  for (const Kind kind : {Kind::kNone, Kind::kFalse, Kind::kTrue}) PushIndex(kind, 0);
}

NodeId Graph::PushIndex(Kind kind, uint32_t index) {
  Node node{};
  node.kind = kind;
  node.extra = index;
  return Push(node);
}

NodeId Graph::Complex(double real, double imaginary) {
  Node node{};
  node.kind = Kind::kComplex;
  node.extra = static_cast<uint32_t>(imaginaries_.size());
  node.real = real;
  imaginaries_.push_back(imaginary);
  return Push(node);
}

NodeId Graph::Text(Kind kind, std::string_view bytes) {
  RequireAddressable(bytes_.size() + bytes.size());
  Node node{};
  node.kind = kind;
  node.flags = kind == Kind::kByteArray ? kUnhashable : 0;
  node.span = {static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(bytes.size())};
  bytes_.Append(bytes);
  return Push(node);
}

NodeId Graph::BytesAt(Kind kind, uint64_t offset, uint64_t length) {
  Node node{};
  node.kind = kind;
  node.flags = static_cast<uint16_t>(kInInput | (kind == Kind::kByteArray ? kUnhashable : 0));
  node.extra = static_cast<uint32_t>(spans_.size());
  spans_.push_back({offset, length});
  return Push(node);
}

NodeId Graph::EmptyTuple() {
  if (empty_tuple_ == 0) empty_tuple_ = Container(Kind::kTuple, {});
  return empty_tuple_;
}

NodeId Graph::Container(Kind kind, std::span<const NodeId> children) {
  RequireAddressable(children_.size() + children.size());
  Node node{};
  node.kind = kind;
  node.capacity_log2 = kExact;
  node.span = {static_cast<uint32_t>(children_.size()), static_cast<uint32_t>(children.size())};
  const bool immutable = kind == Kind::kTuple || kind == Kind::kSize || kind == Kind::kFrozenSet;
  if (!immutable || !AllHashable(children)) node.flags = kUnhashable;
  children_.Append(children);
  return Push(node);
}

NodeId Graph::Tensor(uint32_t tensor) { return PushIndex(Kind::kTensor, tensor); }

NodeId Graph::Storage(uint32_t storage, uint32_t dtype) {
  Node node{};
  node.kind = Kind::kStorage;
  node.extra = storage;
  node.integer = dtype;
  return Push(node);
}

NodeId Graph::Symbol(uint32_t symbol) { return PushIndex(Kind::kSymbol, symbol); }

NodeId Graph::Record(const RecordParts& parts) {
  const NodeId id = PushIndex(Kind::kSymbol, 0);
  SetRecord(id, parts);
  return id;
}

NodeId Graph::Compound(Kind kind, uint32_t count, std::span<const NodeId> refs) {
  Node node{};
  node.kind = kind;
  node.capacity_log2 = kExact;
  node.extra = count;
  node.span.offset = static_cast<uint32_t>(children_.size());
  const NodeId id = Push(node);
  Append(id, refs);
  return id;
}

NodeId Graph::Array(uint32_t tensor) {
  const NodeId id = PushIndex(Kind::kArray, tensor);
  nodes_[id].flags = kUnhashable;
  return id;
}

NodeId Graph::MoveOut(NodeId id) {
  const Node node = nodes_[id];
  return Push(node);
}

size_t Graph::Capacity(const Node& node) const {
  return node.capacity_log2 == kExact ? node.span.length : size_t{1} << node.capacity_log2;
}

// A span that ends the pool grows where it is. Any other moves to the end with twice the room, so that lists which grow
// in turn cost no more than one that grows alone. What it leaves behind is lost: at most as much as it has.
void Graph::Grow(Node& node, size_t wanted) {
  const size_t end = node.span.offset + Capacity(node);
  if (end == children_.size()) {
    RequireAddressable(node.span.offset + wanted);
    children_.Extend(wanted - Capacity(node));
    node.capacity_log2 = kExact;
    return;
  }
  const size_t capacity = std::bit_ceil(std::max<size_t>(wanted, 2));
  const size_t offset = children_.size();
  RequireAddressable(offset + capacity);
  NodeId* const to = children_.Extend(capacity);
  std::copy_n(children_.data() + node.span.offset, node.span.length, to);
  node.span.offset = static_cast<uint32_t>(offset);
  node.capacity_log2 = static_cast<uint8_t>(std::countr_zero(capacity));
}

void Graph::Append(NodeId container, std::span<const NodeId> children) {
  if (children.empty()) return;
  Node& node = nodes_[container];
  const bool inside = children.data() >= children_.data() && children.data() < children_.data() + children_.size();
  const size_t from = inside ? static_cast<size_t>(children.data() - children_.data()) : 0;
  const size_t length = node.span.length;
  if (length + children.size() > Capacity(node)) Grow(node, length + children.size());
  std::copy_n(inside ? children_.data() + from : children.data(), children.size(),
              children_.data() + node.span.offset + length);
  node.span.length = static_cast<uint32_t>(length + children.size());
}

void Graph::SetAttributes(NodeId ordered_dict, NodeId attributes) { nodes_[ordered_dict].extra = attributes; }

void Graph::SetRecord(NodeId id, const RecordParts& parts) {
  Node& node = nodes_[id];
  const auto slots = Slots(parts);
  has_records_ = true;
  if (node.kind != Kind::kRecord) {
    RequireAddressable(children_.size() + slots.size());
    node = Node{};
    node.kind = Kind::kRecord;
    node.capacity_log2 = kExact;
    node.span = {static_cast<uint32_t>(children_.size()), kRecordSlots};
    children_.Extend(slots.size());
  }
  std::ranges::copy(slots, children_.data() + node.span.offset);
  node.flags = static_cast<uint16_t>((parts.made_by_new ? kMadeByNew : 0) | (parts.many_states ? kManyStates : 0));
}

NodeId Graph::CopyAs(Kind kind, NodeId container) { return Container(kind, children(container)); }

double Graph::imaginary(NodeId id) const { return imaginaries_[nodes_[id].extra]; }

RecordParts Graph::record(NodeId id) const {
  const Node& node = nodes_[id];
  const NodeId* slot = children_.data() + node.span.offset;
  return {.callee = slot[0],
          .args = slot[1],
          .kwargs = slot[2],
          .state = slot[3],
          .items = slot[4],
          .pairs = slot[5],
          .recovered = slot[6],
          .made_by_new = (node.flags & kMadeByNew) != 0,
          .many_states = (node.flags & kManyStates) != 0};
}

}  // namespace airlock::pickle
