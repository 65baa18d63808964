// The value graph under construction: what a pickle builds, as inert data.
//
// A flat node table (9 bytes a node: its kind, and a number or where its parts are) with two pools, one for child
// indices and one for bytes. A process that lives for one file pays for each page that it touches, so what few nodes
// have stands in tables of its own. Nothing is ever freed and nothing recurses, so a hostile file can make it large
// (the machine's limits bound that) but never deep. Kinds carry the numbers of airlock.v1.NodeKind (a test compares).
// Containers grow after creation, so cycles and shared identity come out as the pickle had them. Dict keys may repeat
// here: DistinctPairs (key_identity.h) settles that at the end.
//
// Long byte strings need not be here at all: BytesAt names bytes of the input file.
//
// Only the worker uses this. Not thread-safe. Growth fails by bad_alloc only, which ends the worker cleanly.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/base/growing_array.h"

namespace airlock::pickle {

using NodeId = uint32_t;
inline constexpr NodeId kNoNode = UINT32_MAX;

enum class Kind : uint8_t {
  kNone = 1,
  kFalse = 2,
  kTrue = 3,
  kInt = 4,
  kBigInt = 5,
  kFloat = 6,
  kComplex = 7,
  kString = 8,
  kBytes = 9,
  kByteArray = 10,
  kList = 11,
  kTuple = 12,
  kSet = 13,
  kFrozenSet = 14,
  kDict = 15,
  kOrderedDict = 16,
  kSize = 17,
  kDType = 18,
  kLayout = 19,
  kDevice = 20,
  kTensor = 21,
  kStorage = 22,
  kSymbol = 23,
  kRecord = 24,
  kSparseTensor = 25,
  kMetaTensor = 26,
  kNestedTensor = 27,
  kStream = 28,
  kAttributed = 29,
  kArray = 30,
  kScalar = 31,
  kNumpyDType = 32,
};

// As Python names the type: "list", "OrderedDict". For messages.
std::string_view KindName(Kind kind);

// Parts of a record, each a node or kNoNode. See airlock.v1.RecordPart.
struct RecordParts {
  NodeId callee = kNoNode;  // a kSymbol node, or any node that the pickle would have called
  NodeId args = kNoNode;    // kTuple
  NodeId kwargs = kNoNode;  // kDict
  NodeId state = kNoNode;
  NodeId items = kNoNode;      // kList
  NodeId pairs = kNoNode;      // kDict
  NodeId recovered = kNoNode;  // kDict or kOrderedDict: the state_dict() that the module or optimizer would give
  bool made_by_new = false;
  bool many_states = false;  // state is a kList of states in order
};

// Bytes of the input file.
struct InputSpan {
  uint64_t offset = 0;
  uint64_t length = 0;
};

class Graph {
 public:
  Graph();

  // Makers. The three constants are one node each, and so are each small integer and the empty tuple, as in CPython:
  // sizes and strides are many, and of a few values.
  NodeId None() const { return 0; }
  NodeId Bool(bool value) const { return value ? 2 : 1; }
  NodeId Int(int64_t value) {
    if (static_cast<uint64_t>(value) >= small_.size()) return NewInt(value);
    NodeId& small = small_[static_cast<size_t>(value)];
    if (small == 0) small = NewInt(value);
    return small;
  }
  NodeId Float(double value) { return Push(Kind::kFloat, {.real = value}); }
  NodeId Complex(double real, double imaginary);
  // kBigInt (two's complement, little-endian), kString (WTF-8), kBytes, kByteArray, kDType, kLayout, kDevice,
  // kNumpyDType.
  NodeId Text(Kind kind, std::string_view bytes);
  // kBytes or kByteArray whose bytes stand in the input file and are not copied. They are no string_bytes until they go
  // out with the plan. REQUIRES: the span lies in the input.
  NodeId BytesAt(Kind kind, uint64_t offset, uint64_t length);
  // kList, kTuple, kSet, kFrozenSet, kSize: items. kDict: key, value, key, value ...
  // kOrderedDict: likewise; its attributes start as None().
  NodeId Container(Kind kind, std::span<const NodeId> children);
  NodeId EmptyTuple();
  NodeId Tensor(uint32_t tensor);
  NodeId Storage(uint32_t storage, uint32_t dtype);
  NodeId Symbol(uint32_t symbol);
  NodeId Record(const RecordParts& parts);
  // kSparseTensor, kMetaTensor, kNestedTensor, kStream, kAttributed, kScalar: what graph.proto lists for each. `count`
  // is what the kind takes from the column of counts, 0 where it takes nothing.
  NodeId Compound(Kind kind, uint32_t count, std::span<const NodeId> refs);
  // kArray: index of the tensor that has its numbers.
  NodeId Array(uint32_t tensor);

  // Appends items, or key-value pairs, to a container. REQUIRES: kind(container) is a container; not a record.
  void Append(NodeId container, std::span<const NodeId> children);
  // kOrderedDict only.
  void SetAttributes(NodeId ordered_dict, NodeId attributes);
  // Rewrites a record, or turns any other node into one: every reference to it then sees the record.
  void SetRecord(NodeId id, const RecordParts& parts);
  // Turns a node into what `other` is: every reference to it then sees that. For records that BUILD completes. `other`
  // itself must not be used any more.
  void Become(NodeId id, NodeId other) {
    values_[id] = CopyOfValue(other);
    tags_[id] = tags_[other];
  }
  // A new node that is what `id` is now; the rule of Become holds for `id`, which is to become another.
  NodeId MoveOut(NodeId id);
  // A container of another kind with the same children (a list that becomes a torch.Size).
  NodeId CopyAs(Kind kind, NodeId container);

  // Readers. REQUIRES: id < size(), and the kind that each name says.
  size_t size() const { return tags_.size(); }
  Kind kind(NodeId id) const { return KindOf(tags_[id]); }
  int64_t integer(NodeId id) const { return values_[id].integer; }
  double real(NodeId id) const {
    const Value& value = values_[id];
    return kind(id) == Kind::kComplex ? complexes_[value.index].real : value.real;
  }
  double imaginary(NodeId id) const { return complexes_[values_[id].index].imaginary; }
  // How many nodes from `first` on, before `end`, are numbers of its kind: kInt or kFloat. 0 where `first` is none.
  size_t NumbersFrom(NodeId first, NodeId end) const;
  // Of such nodes, eight bytes each, as they lie in memory.
  std::string_view Numbers(NodeId first, size_t count) const;
  // Valid until the next maker call. REQUIRES: !span(id).
  std::string_view text(NodeId id) const {
    const PoolSpan& span = values_[id].span;
    return {bytes_.data() + span.offset, span.length};
  }
  // Where the bytes of a node that BytesAt made are; nothing for any other node.
  std::optional<InputSpan> span(NodeId id) const {
    const Kind node_kind = kind(id);
    const bool bytes = node_kind == Kind::kBytes || node_kind == Kind::kByteArray;
    if (!bytes || (tags_[id] & kInInput) == 0) return std::nullopt;
    return spans_[values_[id].index];
  }
  bool has_spans() const { return !spans_.empty(); }
  // Whether any node is a record, or has been one.
  bool has_records() const { return has_records_; }
  // Children in order; for dicts alternating; none of kNoNode. Valid until the next maker call or Append.
  std::span<const NodeId> children(NodeId id) const {
    if (id == kNoNode) return {};
    const PoolSpan& span = ChildSpan(id);
    return {children_.data() + span.offset, span.length};
  }
  // Of what Compound made.
  uint32_t count(NodeId id) const { return HasHead(kind(id)) ? heads_[values_[id].index].extra : 0; }
  NodeId attributes(NodeId ordered_dict) const { return heads_[values_[ordered_dict].index].extra; }
  uint32_t tensor(NodeId id) const { return values_[id].index; }
  uint32_t storage(NodeId id) const { return values_[id].storage.storage; }
  uint32_t storage_dtype(NodeId id) const { return values_[id].storage.dtype; }
  uint32_t symbol(NodeId id) const { return values_[id].index; }
  RecordParts record(NodeId id) const;

  // Of texts that are here.
  uint64_t string_bytes() const { return bytes_.size(); }
  // Whether Python would take it as a dict key or a set member. A tuple is as hashable as its items.
  bool hashable(NodeId id) const { return (tags_[id] & kUnhashable) == 0; }
  bool is(NodeId id, Kind kind_wanted) const { return id != kNoNode && kind(id) == kind_wanted; }
  // Whether predicate(kind, text) says so of any node that has text here: one look at each of millions.
  template <typename Predicate>
  bool AnyText(Predicate predicate) const;
  // What spares that look. Whether Text was ever called for this kind; for what begins with this byte; for what begins
  // as this does and is as long.
  bool HadText(Kind kind) const { return (text_kinds_ >> static_cast<uint8_t>(kind) & 1) != 0; }
  bool HadTextFrom(char first) const { return text_lengths_[static_cast<uint8_t>(first)] != 0; }
  bool HadTextLike(std::string_view text) const { return (text_lengths_[FirstByte(text)] >> LengthBit(text) & 1) != 0; }

 private:
  struct PoolSpan {
    uint32_t offset;  // in children_ or bytes_
    uint32_t length;
  };
  struct StorageUse {
    uint32_t storage;
    uint32_t dtype;
  };
  // Which one, the kind says.
  union Value {
    int64_t integer;
    double real;
    PoolSpan span;
    StorageUse storage;
    uint32_t index;  // of a tensor or symbol, or in complexes_, spans_ or heads_
  };
  static_assert(sizeof(Value) == 8);
  // The kind, and two bits.
  using Tag = uint8_t;
  // Of a kind with HasHead.
  struct Head {
    PoolSpan span;
    uint32_t extra;  // attributes node, or a compound's count
  };
  struct ComplexNumber {
    double real;
    double imaginary;
  };

  static constexpr Tag kKindBits = 63;
  static constexpr Tag kUnhashable = 64;
  static constexpr Tag kInInput = 128;  // of bytes
  static constexpr Tag kRoomy = 128;    // of what has children: their span has room for RoomFor(length)

  static Kind KindOf(Tag tag) { return static_cast<Kind>(tag & kKindBits); }
  // Whether it has more than fits a value.
  static bool HasHead(Kind kind) {
    return kind == Kind::kOrderedDict || kind == Kind::kSparseTensor || kind == Kind::kMetaTensor;
  }

  NodeId Push(Kind kind, const Value& value, Tag bits = 0) {
    const size_t id = tags_.size();
    RequireAddressable(id + 1);
    tags_.push_back(static_cast<Tag>(static_cast<Tag>(kind) | bits));
    values_.push_back(value);
    return static_cast<NodeId>(id);
  }
  // Offsets and lengths are 32 bits wide. Limits end a load long before; this is for a daemon whose limits were raised.
  static void RequireAddressable(size_t end) {
    if (end > UINT32_MAX) throw std::bad_alloc();
  }
  NodeId NewInt(int64_t value) { return Push(Kind::kInt, {.integer = value}); }
  NodeId PushIndex(Kind kind, size_t index, Tag bits = 0) {
    return Push(kind, {.index = static_cast<uint32_t>(index)}, bits);
  }
  NodeId PushChildren(Kind kind, PoolSpan span, uint32_t extra, Tag bits);
  // An empty text counts as one that begins with 0.
  static uint8_t FirstByte(std::string_view text) { return text.empty() ? 0 : static_cast<uint8_t>(text.front()); }
  // All long ones share the last bit.
  static size_t LengthBit(std::string_view text) { return std::min<size_t>(text.size(), 63); }
  // Whether a tuple or the like of these is hashable.
  bool AllHashable(std::span<const NodeId> children) const {
    Tag tags = 0;
    for (const NodeId child : children) tags |= tags_[child];
    return (tags & kUnhashable) == 0;
  }
  const PoolSpan& ChildSpan(NodeId id) const {
    const Value& value = values_[id];
    return HasHead(kind(id)) ? heads_[value.index].span : value.span;
  }
  PoolSpan& ChildSpan(NodeId id) { return const_cast<PoolSpan&>(std::as_const(*this).ChildSpan(id)); }
  // For another node. Two that shared a head would disagree about the room behind its children.
  Value CopyOfValue(NodeId id);
  static size_t RoomFor(size_t children);
  size_t Capacity(NodeId id) const;
  // Makes room for `wanted` children, at the end of the pool where there is none in place.
  void Grow(NodeId id, size_t wanted);

  GrowingArray<Tag> tags_;
  GrowingArray<Value> values_;
  std::array<NodeId, 256> small_ = {};  // by value; 0: none yet
  NodeId empty_tuple_ = 0;              // likewise
  bool has_records_ = false;
  uint64_t text_kinds_ = 0;                      // a bit for each
  std::array<uint64_t, 256> text_lengths_ = {};  // by first byte, a bit for each length
  GrowingArray<Head> heads_;
  GrowingArray<ComplexNumber> complexes_;
  std::vector<InputSpan> spans_;
  GrowingArray<NodeId> children_;
  GrowingArray<char> bytes_;
};

template <typename Predicate>
bool Graph::AnyText(Predicate predicate) const {
  constexpr size_t kBlock = 64;
  const auto has_text = [](Tag tag) {
    return static_cast<Tag>((tag & kKindBits) - static_cast<Tag>(Kind::kString)) <=
           static_cast<Tag>(Kind::kByteArray) - static_cast<Tag>(Kind::kString);
  };
  for (size_t begin = 0; begin < size(); begin += kBlock) {
    const std::span<const Tag> block(tags_.data() + begin, std::min(kBlock, size() - begin));
    // Numbers come many in a row: this looks at several at a time.
    bool any = false;
    for (const Tag tag : block) any |= has_text(tag);
    if (!any) continue;
    const Value* const values = values_.data() + begin;
    for (size_t i = 0; i < block.size(); ++i) {
      const Kind node_kind = KindOf(block[i]);
      const bool in_input = node_kind != Kind::kString && (block[i] & kInInput) != 0;
      if (!has_text(block[i]) || in_input) continue;
      const PoolSpan& span = values[i].span;
      if (predicate(node_kind, std::string_view(bytes_.data() + span.offset, span.length))) return true;
    }
  }
  return false;
}

}  // namespace airlock::pickle
