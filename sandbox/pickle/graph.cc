#include "sandbox/pickle/graph.h"

#include <algorithm>
#include <array>
#include <bit>

namespace airlock::pickle {
namespace {

// callee, args, kwargs, state, items, pairs, recovered, bits
constexpr size_t kRecordSlots = 8;
constexpr NodeId kMadeByNew = 1;
constexpr NodeId kManyStates = 2;

std::array<NodeId, kRecordSlots> Slots(const RecordParts& parts) {
  const NodeId bits = (parts.made_by_new ? kMadeByNew : 0) | (parts.many_states ? kManyStates : 0);
  return {parts.callee, parts.args, parts.kwargs, parts.state, parts.items, parts.pairs, parts.recovered, bits};
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

NodeId Graph::PushChildren(Kind kind, PoolSpan span, uint32_t extra, Tag bits) {
  if (!HasHead(kind)) return Push(kind, {.span = span}, bits);
  RequireAddressable(heads_.size() + 1);
  heads_.push_back({span, extra});
  return PushIndex(kind, heads_.size() - 1, bits);
}

NodeId Graph::Complex(double real, double imaginary) {
  complexes_.push_back({real, imaginary});
  return PushIndex(Kind::kComplex, complexes_.size() - 1);
}

NodeId Graph::Text(Kind kind, std::string_view bytes) {
  RequireAddressable(bytes_.size() + bytes.size());
  const PoolSpan span = {static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(bytes.size())};
  bytes_.Append(bytes);
  text_kinds_ |= uint64_t{1} << static_cast<uint8_t>(kind);
  text_lengths_[FirstByte(bytes)] |= uint64_t{1} << LengthBit(bytes);
  return Push(kind, {.span = span}, kind == Kind::kByteArray ? kUnhashable : Tag{0});
}

NodeId Graph::BytesAt(Kind kind, uint64_t offset, uint64_t length) {
  spans_.push_back({offset, length});
  const Tag bits = kind == Kind::kByteArray ? kInInput | kUnhashable : kInInput;
  return PushIndex(kind, spans_.size() - 1, bits);
}

NodeId Graph::EmptyTuple() {
  if (empty_tuple_ == 0) empty_tuple_ = Container(Kind::kTuple, {});
  return empty_tuple_;
}

NodeId Graph::Container(Kind kind, std::span<const NodeId> children) {
  RequireAddressable(children_.size() + children.size());
  const PoolSpan span = {static_cast<uint32_t>(children_.size()), static_cast<uint32_t>(children.size())};
  const bool immutable = kind == Kind::kTuple || kind == Kind::kSize || kind == Kind::kFrozenSet;
  const Tag bits = immutable && AllHashable(children) ? Tag{0} : kUnhashable;
  children_.Append(children);
  return PushChildren(kind, span, None(), bits);
}

NodeId Graph::Tensor(uint32_t tensor) { return PushIndex(Kind::kTensor, tensor); }

NodeId Graph::Storage(uint32_t storage, uint32_t dtype) { return Push(Kind::kStorage, {.storage = {storage, dtype}}); }

NodeId Graph::Symbol(uint32_t symbol) { return PushIndex(Kind::kSymbol, symbol); }

NodeId Graph::Record(const RecordParts& parts) {
  const NodeId id = PushIndex(Kind::kSymbol, 0);
  SetRecord(id, parts);
  return id;
}

NodeId Graph::Compound(Kind kind, uint32_t count, std::span<const NodeId> refs) {
  const NodeId id = PushChildren(kind, {static_cast<uint32_t>(children_.size()), 0}, count, 0);
  Append(id, refs);
  return id;
}

NodeId Graph::Array(uint32_t tensor) { return PushIndex(Kind::kArray, tensor, kUnhashable); }

NodeId Graph::MoveOut(NodeId id) {
  const Tag tag = tags_[id];
  return Push(KindOf(tag), CopyOfValue(id), tag & static_cast<Tag>(~kKindBits));
}

Graph::Value Graph::CopyOfValue(NodeId id) {
  const Value value = values_[id];
  if (!HasHead(kind(id))) return value;
  RequireAddressable(heads_.size() + 1);
  heads_.push_back(heads_[value.index]);
  return {.index = static_cast<uint32_t>(heads_.size() - 1)};
}

size_t Graph::RoomFor(size_t children) { return std::bit_ceil(std::max<size_t>(children, 2)); }

size_t Graph::Capacity(NodeId id) const {
  const size_t length = ChildSpan(id).length;
  return (tags_[id] & kRoomy) == 0 ? length : RoomFor(length);
}

// A span that ends the pool grows where it is. Any other moves to the end with twice the room, so that lists which grow
// in turn cost no more than one that grows alone. What it leaves behind is lost: at most as much as it has.
void Graph::Grow(NodeId id, size_t wanted) {
  PoolSpan& span = ChildSpan(id);
  const size_t capacity = Capacity(id);
  if (span.offset + capacity == children_.size()) {
    RequireAddressable(span.offset + wanted);
    children_.Extend(wanted - capacity);
    tags_[id] &= static_cast<Tag>(~kRoomy);
    return;
  }
  const size_t room = RoomFor(wanted);
  const size_t offset = children_.size();
  RequireAddressable(offset + room);
  NodeId* const to = children_.Extend(room);
  std::copy_n(children_.data() + span.offset, span.length, to);
  span.offset = static_cast<uint32_t>(offset);
  tags_[id] |= kRoomy;
}

void Graph::Append(NodeId container, std::span<const NodeId> children) {
  if (children.empty()) return;
  const bool inside = children.data() >= children_.data() && children.data() < children_.data() + children_.size();
  const size_t from = inside ? static_cast<size_t>(children.data() - children_.data()) : 0;
  PoolSpan& span = ChildSpan(container);
  const size_t length = span.length;
  if (length + children.size() > Capacity(container)) Grow(container, length + children.size());
  std::copy_n(inside ? children_.data() + from : children.data(), children.size(),
              children_.data() + span.offset + length);
  span.length = static_cast<uint32_t>(length + children.size());
}

void Graph::SetAttributes(NodeId ordered_dict, NodeId attributes) {
  heads_[values_[ordered_dict].index].extra = attributes;
}

void Graph::SetRecord(NodeId id, const RecordParts& parts) {
  const auto slots = Slots(parts);
  has_records_ = true;
  if (kind(id) != Kind::kRecord) {
    RequireAddressable(children_.size() + slots.size());
    tags_[id] = static_cast<Tag>(Kind::kRecord);
    values_[id].span = {static_cast<uint32_t>(children_.size()), kRecordSlots};
    children_.Extend(slots.size());
  }
  std::ranges::copy(slots, children_.data() + values_[id].span.offset);
}

NodeId Graph::CopyAs(Kind kind, NodeId container) { return Container(kind, children(container)); }

RecordParts Graph::record(NodeId id) const {
  const NodeId* slot = children_.data() + values_[id].span.offset;
  return {.callee = slot[0],
          .args = slot[1],
          .kwargs = slot[2],
          .state = slot[3],
          .items = slot[4],
          .pairs = slot[5],
          .recovered = slot[6],
          .made_by_new = (slot[7] & kMadeByNew) != 0,
          .many_states = (slot[7] & kManyStates) != 0};
}

size_t Graph::NumbersFrom(NodeId first, NodeId end) const {
  const Kind wanted = kind(first);
  if (wanted != Kind::kInt && wanted != Kind::kFloat) return 0;
  const Tag* const from = tags_.data() + first;
  const Tag* const to = tags_.data() + end;
  return static_cast<size_t>(std::find_if(from, to, [&](Tag tag) { return KindOf(tag) != wanted; }) - from);
}

std::string_view Graph::Numbers(NodeId first, size_t count) const {
  return {reinterpret_cast<const char*>(values_.data() + first), count * sizeof(Value)};
}

}  // namespace airlock::pickle
