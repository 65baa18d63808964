#include <algorithm>
#include <array>
#include <initializer_list>
#include <limits>
#include <utility>

#include "airlock/value.h"

namespace airlock {
namespace {

// Every part of a record that is not set names a ref.
constexpr uint32_t kRefBits = 0xFF & ~uint32_t{v1::RECORD_PART_NEW | v1::RECORD_PART_STATES};
constexpr uint32_t kSparseLayout = 7;

// What a node takes from the columns (the table at the head of graph.proto).
enum class Shape : uint8_t {
  kInvalid,
  kNothing,
  kInt,
  kFloat,
  kComplex,
  kBlob,
  kItems,
  kPairs,
  kAttributedPairs,
  kLink,
  kStorage,
  kRecord,
  kCounted3,
  kCounted4,
  kParts2,
  kParts4
};

constexpr std::array<Shape, 33> kShapes = {
    Shape::kInvalid,  Shape::kNothing,
    Shape::kNothing,  Shape::kNothing,  // NONE FALSE TRUE
    Shape::kInt,      Shape::kBlob,
    Shape::kFloat,    Shape::kComplex,  // INT BIG_INT FLOAT COMPLEX
    Shape::kBlob,     Shape::kBlob,
    Shape::kBlob,  // STRING BYTES BYTE_ARRAY
    Shape::kItems,    Shape::kItems,
    Shape::kItems,    Shape::kItems,  // LIST TUPLE SET FROZEN_SET
    Shape::kPairs,    Shape::kAttributedPairs,
    Shape::kItems,  // DICT ORDERED_DICT SIZE
    Shape::kBlob,     Shape::kBlob,
    Shape::kBlob,  // DTYPE LAYOUT DEVICE
    Shape::kLink,     Shape::kStorage,
    Shape::kLink,     Shape::kRecord,  // TENSOR STORAGE SYMBOL RECORD
    Shape::kCounted4, Shape::kCounted3,
    Shape::kParts4,  // SPARSE_TENSOR META_TENSOR NESTED_TENSOR
    Shape::kParts2,   Shape::kParts2,
    Shape::kLink,                    // STREAM ATTRIBUTED ARRAY
    Shape::kParts2,   Shape::kBlob,  // SCALAR NUMPY_DTYPE
};

uint64_t RecordRefs(uint32_t bits) { return 1 + static_cast<uint64_t>(__builtin_popcount(bits & kRefBits)); }

}  // namespace

void Graph::Columns::Append(const v1::GraphColumns& piece) {
  kinds += piece.kinds();
  counts.insert(counts.end(), piece.counts().begin(), piece.counts().end());
  refs.insert(refs.end(), piece.refs().begin(), piece.refs().end());
  links.insert(links.end(), piece.links().begin(), piece.links().end());
  ints.insert(ints.end(), piece.ints().begin(), piece.ints().end());
  floats.insert(floats.end(), piece.floats().begin(), piece.floats().end());
  blob += piece.blob();
}

// Walks the nodes once and gives each its place in the columns.
class Graph::Builder {
 public:
  Builder(Graph& graph, const Tables& tables) : graph_(graph), columns_(graph.columns_), tables_(tables) {}

  bool Run() {
    const size_t nodes = columns_.kinds.size();
    constexpr size_t kMax = std::numeric_limits<uint32_t>::max();
    if (nodes >= kMax || columns_.refs.size() >= kMax || columns_.blob.size() >= kMax) return false;
    graph_.first_.resize(nodes);
    graph_.count_.resize(nodes);
    for (size_t i = 0; i < nodes; ++i) {
      if (!Place(static_cast<NodeId>(i))) return false;
    }
    for (uint32_t ref : columns_.refs) {
      if (ref >= nodes) return false;
    }
    for (size_t i = 0; i < nodes; ++i) {
      if (!PartsFit(static_cast<NodeId>(i))) return false;
    }
    return counts_ == columns_.counts.size() && refs_ == columns_.refs.size() && links_ == columns_.links.size() &&
           ints_ == columns_.ints.size() && floats_ == columns_.floats.size() && blob_ == columns_.blob.size();
  }

 private:
  bool Place(NodeId node) {
    const auto kind = static_cast<uint8_t>(columns_.kinds[node]);
    if (kind >= kShapes.size()) return false;
    switch (kShapes[kind]) {
      case Shape::kInvalid:
        return false;
      case Shape::kNothing:
        return true;
      case Shape::kInt:
        return Take(node, ints_, 1, columns_.ints.size());
      case Shape::kFloat:
        return Take(node, floats_, 1, columns_.floats.size());
      case Shape::kComplex:
        return Take(node, floats_, 2, columns_.floats.size());
      case Shape::kLink:
        return Take(node, links_, 1, columns_.links.size()) && LinkFits(node);
      case Shape::kStorage:
        return Take(node, links_, 2, columns_.links.size()) && LinkFits(node);
      case Shape::kParts2:
        return Take(node, refs_, 2, columns_.refs.size());
      case Shape::kParts4:
        return Take(node, refs_, 4, columns_.refs.size());
      default:
        break;
    }
    if (counts_ >= columns_.counts.size()) return false;
    const uint32_t count = columns_.counts[counts_++];
    graph_.count_[node] = count;
    switch (kShapes[kind]) {
      case Shape::kBlob:
        return Take(node, blob_, count, columns_.blob.size());
      case Shape::kItems:
        return Take(node, refs_, count, columns_.refs.size());
      case Shape::kPairs:
        return Take(node, refs_, uint64_t{2} * count, columns_.refs.size());
      case Shape::kAttributedPairs:
        return Take(node, refs_, 1 + uint64_t{2} * count, columns_.refs.size());
      case Shape::kCounted3:
        return Take(node, refs_, 3, columns_.refs.size());
      case Shape::kCounted4:
        return Take(node, refs_, 4, columns_.refs.size());
      default:
        return Take(node, refs_, RecordRefs(count), columns_.refs.size());
    }
  }

  bool Take(NodeId node, uint64_t& position, uint64_t values, size_t size) {
    if (values > size - position) return false;
    graph_.first_[node] = static_cast<uint32_t>(position);
    position += values;
    return true;
  }

  bool LinkFits(NodeId node) const {
    const uint32_t link = columns_.links[graph_.first_[node]];
    switch (graph_.kind(node)) {
      case v1::NODE_KIND_TENSOR:
      case v1::NODE_KIND_ARRAY:
        return link < tables_.tensors;
      case v1::NODE_KIND_STORAGE:
        return link < tables_.storages;
      default:
        return link < tables_.symbols;
    }
  }

  bool Is(NodeId node, std::initializer_list<v1::NodeKind> kinds) const {
    return std::find(kinds.begin(), kinds.end(), graph_.kind(node)) != kinds.end();
  }

  // Whether the nodes that the accessors below take for granted are there.
  bool PartsFit(NodeId node) const {
    const NodeId* part = columns_.refs.data() + graph_.first_[node];
    switch (graph_.kind(node)) {
      case v1::NODE_KIND_SPARSE_TENSOR:
        return Is(part[0], {v1::NODE_KIND_TENSOR}) && Is(part[1], {v1::NODE_KIND_TENSOR, v1::NODE_KIND_NONE}) &&
               Is(part[2], {v1::NODE_KIND_TENSOR}) && Is(part[3], {v1::NODE_KIND_SIZE});
      case v1::NODE_KIND_META_TENSOR:
        return Is(part[0], {v1::NODE_KIND_DTYPE}) && Is(part[1], {v1::NODE_KIND_SIZE}) &&
               Is(part[2], {v1::NODE_KIND_TUPLE}) && AllInts(part[1]) && AllInts(part[2]);
      case v1::NODE_KIND_NESTED_TENSOR:
        return std::all_of(part, part + 4, [this](NodeId tensor) { return Is(tensor, {v1::NODE_KIND_TENSOR}); });
      case v1::NODE_KIND_ATTRIBUTED:
        return Is(part[0], {v1::NODE_KIND_TENSOR, v1::NODE_KIND_SPARSE_TENSOR, v1::NODE_KIND_META_TENSOR,
                            v1::NODE_KIND_NESTED_TENSOR});
      case v1::NODE_KIND_SCALAR:
        return Is(part[0], {v1::NODE_KIND_NUMPY_DTYPE}) && !Is(part[1], {v1::NODE_KIND_SCALAR});
      default:
        return true;
    }
  }

  bool AllInts(NodeId items) const {
    const auto refs = graph_.Items(items);
    return std::all_of(refs.begin(), refs.end(), [this](NodeId item) { return Is(item, {v1::NODE_KIND_INT}); });
  }

  Graph& graph_;
  const Columns& columns_;
  const Tables& tables_;
  uint64_t counts_ = 0, refs_ = 0, links_ = 0, ints_ = 0, floats_ = 0, blob_ = 0;
};

ClientResult<Graph> Graph::Build(Columns columns, const Tables& tables) {
  Graph graph;
  graph.columns_ = std::move(columns);
  if (!Builder(graph, tables).Run()) {
    return Unexpected{MakeError(v1::REASON_INTERNAL, "the value graph in the daemon's answer does not fit together")};
  }
  return graph;
}

std::span<const NodeId> Graph::Pairs(NodeId node) const {
  const size_t skip = kind(node) == v1::NODE_KIND_ORDERED_DICT ? 1 : 0;
  return {columns_.refs.data() + first_[node] + skip, size_t{2} * count_[node]};
}

Record Graph::RecordAt(NodeId node) const {
  const uint32_t bits = count_[node];
  const uint32_t* ref = columns_.refs.data() + first_[node];
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
  return {columns_.refs.data() + first_[node], size_t{kind(node) == v1::NODE_KIND_NESTED_TENSOR ? 4U : 2U}};
}

SparseTensor Graph::SparseAt(NodeId node) const {
  const uint32_t bits = count_[node];
  const NodeId* part = columns_.refs.data() + first_[node];
  return {.layout = static_cast<v1::SparseBit>(bits & kSparseLayout),
          .requires_grad = (bits & v1::SPARSE_BIT_REQUIRES_GRAD) != 0,
          .coalesced = (bits & v1::SPARSE_BIT_COALESCED) != 0,
          .indices = part[0],
          .more_indices = kind(part[1]) == v1::NODE_KIND_NONE ? std::nullopt : std::optional<NodeId>(part[1]),
          .values = part[2],
          .size = part[3]};
}

MetaTensor Graph::MetaAt(NodeId node) const {
  const NodeId* part = columns_.refs.data() + first_[node];
  return {.flags = count_[node], .dtype = Text(part[0]), .shape = part[1], .strides = part[2]};
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
