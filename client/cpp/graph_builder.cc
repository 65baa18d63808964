#include "client/cpp/graph_builder.h"

#include <algorithm>
#include <bit>
#include <initializer_list>
#include <limits>
#include <span>
#include <utility>

#include "airlock/v1/graph.pb.h"
#include "client/cpp/message_fields.h"

namespace airlock {
namespace {

using google::protobuf::io::CodedInputStream;

// A kind takes from `counts` and from at most one column more.
enum class In : uint8_t { kNothing, kInts, kFloats, kBlob, kRefs, kLinks };

// What a node takes from the columns (the table at the head of graph.proto): `fixed` values, and `per_count` for each
// that its count names. Of a record: one for each part that its count names.
struct KindRow {
  In column;
  bool counted;
  uint8_t fixed;
  uint8_t per_count;
};

constexpr std::array<KindRow, 33> kRows = {{
    {In::kNothing, false, 0, 0},  // UNSPECIFIED: no node
    {In::kNothing, false, 0, 0},  // NONE
    {In::kNothing, false, 0, 0},  // FALSE
    {In::kNothing, false, 0, 0},  // TRUE
    {In::kInts, false, 1, 0},     // INT
    {In::kBlob, true, 0, 1},      // BIG_INT
    {In::kFloats, false, 1, 0},   // FLOAT
    {In::kFloats, false, 2, 0},   // COMPLEX
    {In::kBlob, true, 0, 1},      // STRING
    {In::kBlob, true, 0, 1},      // BYTES
    {In::kBlob, true, 0, 1},      // BYTE_ARRAY
    {In::kRefs, true, 0, 1},      // LIST
    {In::kRefs, true, 0, 1},      // TUPLE
    {In::kRefs, true, 0, 1},      // SET
    {In::kRefs, true, 0, 1},      // FROZEN_SET
    {In::kRefs, true, 0, 2},      // DICT
    {In::kRefs, true, 1, 2},      // ORDERED_DICT
    {In::kRefs, true, 0, 1},      // SIZE
    {In::kBlob, true, 0, 1},      // DTYPE
    {In::kBlob, true, 0, 1},      // LAYOUT
    {In::kBlob, true, 0, 1},      // DEVICE
    {In::kLinks, false, 1, 0},    // TENSOR
    {In::kLinks, false, 2, 0},    // STORAGE
    {In::kLinks, false, 1, 0},    // SYMBOL
    {In::kRefs, true, 1, 0},      // RECORD
    {In::kRefs, true, 4, 0},      // SPARSE_TENSOR
    {In::kRefs, true, 3, 0},      // META_TENSOR
    {In::kRefs, false, 4, 0},     // NESTED_TENSOR
    {In::kRefs, false, 2, 0},     // STREAM
    {In::kRefs, false, 2, 0},     // ATTRIBUTED
    {In::kLinks, false, 1, 0},    // ARRAY
    {In::kRefs, false, 2, 0},     // SCALAR
    {In::kBlob, true, 0, 1},      // NUMPY_DTYPE
}};

// Every part of a record that is set names a ref, but for these.
constexpr uint32_t kRefBits = 0xFF & ~uint32_t{v1::RECORD_PART_NEW | v1::RECORD_PART_STATES};

uint64_t Needed(uint8_t kind, const KindRow& row, uint32_t count) {
  if (kind == v1::NODE_KIND_RECORD) return 1 + static_cast<uint64_t>(std::popcount(count & kRefBits));
  return row.fixed + uint64_t{row.per_count} * count;
}

constexpr uint64_t KindSet(std::initializer_list<v1::NodeKind> kinds) {
  uint64_t set = 0;
  for (const v1::NodeKind kind : kinds) set |= uint64_t{1} << kind;
  return set;
}

constexpr uint64_t kLinked =
    KindSet({v1::NODE_KIND_TENSOR, v1::NODE_KIND_ARRAY, v1::NODE_KIND_STORAGE, v1::NODE_KIND_SYMBOL});
constexpr uint64_t kWithParts = KindSet({v1::NODE_KIND_SPARSE_TENSOR, v1::NODE_KIND_META_TENSOR,
                                         v1::NODE_KIND_NESTED_TENSOR, v1::NODE_KIND_ATTRIBUTED, v1::NODE_KIND_SCALAR});

// Appends, with room far ahead where the column has to grow: columns of a million values are common.
template <typename Column>
bool Append(Column& column, CodedInputStream& in, uint32_t bytes) {
  constexpr size_t kWidth = sizeof(typename Column::value_type);
  if (bytes > static_cast<uint32_t>(std::max(in.BytesUntilLimit(), 0))) return false;
  const size_t after = column.size() + bytes / kWidth;
  if (column.capacity() < after) column.reserve(RoomAhead(after, kWidth));
  return AppendValues(column, in, bytes);
}

}  // namespace

bool GraphBuilder::Add(CodedInputStream& piece) {
  const bool whole = ForEachField(piece, [&](int number, uint32_t bytes) { return AddColumn(number, piece, bytes); });
  if (!whole) return false;
  ViewPieces();
  FindHighestRef();
  Place();
  return true;
}

bool GraphBuilder::AddColumn(int number, CodedInputStream& piece, uint32_t bytes) {
  pieces_ |= bytes > 0;
  switch (number) {
    case v1::GraphColumns::kKindsFieldNumber:
      return Append(columns_->kinds, piece, bytes);
    case v1::GraphColumns::kCountsFieldNumber:
      return Append(columns_->counts, piece, bytes);
    case v1::GraphColumns::kRefsFieldNumber:
      return Append(columns_->refs, piece, bytes);
    case v1::GraphColumns::kLinksFieldNumber:
      return Append(columns_->links, piece, bytes);
    case v1::GraphColumns::kIntsFieldNumber:
      return Append(columns_->ints, piece, bytes);
    case v1::GraphColumns::kFloatsFieldNumber:
      return Append(columns_->floats, piece, bytes);
    case v1::GraphColumns::kBlobFieldNumber:
      return Append(columns_->blob, piece, bytes);
    default:  // of a later daemon
      return piece.Skip(static_cast<int>(bytes));
  }
}

void GraphBuilder::ViewPieces() {
  graph_.kinds_ = columns_->kinds;
  counts_ = columns_->counts;
  graph_.refs_ = columns_->refs;
  graph_.links_ = columns_->links;
  graph_.ints_ = columns_->ints;
  graph_.floats_ = columns_->floats;
  graph_.blob_ = columns_->blob;
}

bool GraphBuilder::Add(std::shared_ptr<const MappedGraph> mapped) {
  if (pieces_) return false;
  size_t column = 0;
  graph_.kinds_ = mapped->column<uint8_t>(column++);
  counts_ = mapped->column<uint32_t>(column++);
  graph_.refs_ = mapped->column<uint32_t>(column++);
  graph_.links_ = mapped->column<uint32_t>(column++);
  graph_.ints_ = mapped->column<int64_t>(column++);
  graph_.floats_ = mapped->column<double>(column++);
  graph_.blob_ = mapped->column<char>(column++);
  columns_->mapped = std::move(mapped);
  FindHighestRef();
  Place();
  return true;
}

void GraphBuilder::FindHighestRef() {
  NodeId highest = highest_ref_;
  for (const NodeId ref : graph_.refs_.subspan(seen_refs_)) highest = std::max(highest, ref);
  highest_ref_ = highest;
  seen_refs_ = graph_.refs_.size();
}

void GraphBuilder::Place() {
  auto& places = columns_->places;
  if (places.capacity() < size()) places.reserve(RoomAhead(size(), sizeof(Graph::Place)));
  places.resize(size());
  graph_.places_ = places;
  const uint8_t* const kinds = graph_.kinds_.data();
  while (placed_ < size()) {
    const uint8_t kind = kinds[placed_];
    if (kind == v1::NODE_KIND_UNSPECIFIED || kind >= kRows.size()) return;  // for good: Finish sees it
    kinds_ |= uint64_t{1} << kind;
    const KindRow& row = kRows[kind];
    const bool run = !row.counted && placed_ + 1 < size() && kinds[placed_ + 1] == kind;
    if (run) {
      PlaceRun(kind);
      continue;
    }
    if (row.counted && taken_counts_ == counts_.size()) return;
    const uint32_t count = row.counted ? counts_[taken_counts_++] : 0;
    uint64_t& at = taken_[static_cast<size_t>(row.column)];
    places[placed_++] = {static_cast<uint32_t>(at), count};
    at += Needed(kind, row, count);
  }
}

// Nodes of one kind, which has no counts: numbers mostly, of which there may be a million in a row.
void GraphBuilder::PlaceRun(uint8_t kind) {
  const size_t begin = placed_;
  const auto behind = std::find_if(graph_.kinds_.begin() + static_cast<std::ptrdiff_t>(begin), graph_.kinds_.end(),
                                   [kind](uint8_t other) { return other != kind; });
  placed_ = static_cast<size_t>(behind - graph_.kinds_.begin());
  const KindRow& row = kRows[kind];
  const uint32_t step = row.fixed;
  uint64_t& at = taken_[static_cast<size_t>(row.column)];
  auto first = static_cast<uint32_t>(at);
  for (Graph::Place& place : std::span(columns_->places).subspan(begin, placed_ - begin)) {
    place = {first, 0};
    first += step;
  }
  at += uint64_t{step} * (placed_ - begin);
}

ClientResult<Graph> GraphBuilder::Finish(const Tables& tables) {
  if (Complete() && AllFit(tables)) {
    graph_.keeper_ = std::move(columns_);
    return graph_;
  }
  return Unexpected{MakeError(v1::REASON_INTERNAL, "the value graph in the daemon's answer does not fit together")};
}

// Whether every column was taken to its last value and not further, and every ref leads to a node.
bool GraphBuilder::Complete() const {
  constexpr size_t kMost = std::numeric_limits<uint32_t>::max();
  const std::array<uint64_t, kColumns> sizes = {
      0, graph_.ints_.size(), graph_.floats_.size(), graph_.blob_.size(), graph_.refs_.size(), graph_.links_.size()};
  return size() < kMost && std::all_of(sizes.begin(), sizes.end(), [](uint64_t values) { return values < kMost; }) &&
         placed_ == size() && taken_counts_ == counts_.size() && taken_ == sizes &&
         (highest_ref_ < size() || graph_.refs_.empty());
}

// REQUIRES: Complete.
bool GraphBuilder::AllFit(const Tables& tables) const {
  constexpr uint64_t kWanting = kLinked | kWithParts;
  if ((kinds_ & kWanting) == 0) return true;
  for (NodeId node = 0; node < size(); ++node) {
    if ((kWanting >> graph_.kinds_[node] & 1) != 0 && !Fits(node, tables)) return false;
  }
  return true;
}

bool GraphBuilder::Fits(NodeId node, const Tables& tables) const {
  return (kLinked >> graph_.kind(node) & 1) != 0 ? LinkFits(node, tables) : PartsFit(node);
}

bool GraphBuilder::LinkFits(NodeId node, const Tables& tables) const {
  const uint32_t link = graph_.Link(node);
  switch (graph_.kind(node)) {
    case v1::NODE_KIND_TENSOR:
    case v1::NODE_KIND_ARRAY:
      return link < tables.tensors;
    case v1::NODE_KIND_STORAGE:
      return link < tables.storages;
    default:
      return link < tables.symbols;
  }
}

// Whether the nodes that Graph takes for granted are there.
bool GraphBuilder::PartsFit(NodeId node) const {
  const NodeId* part = graph_.refs_.data() + graph_.places_[node].first;
  const auto is = [this](NodeId part_node, std::initializer_list<v1::NodeKind> kinds) {
    return std::find(kinds.begin(), kinds.end(), graph_.kind(part_node)) != kinds.end();
  };
  switch (graph_.kind(node)) {
    case v1::NODE_KIND_SPARSE_TENSOR:
      return is(part[0], {v1::NODE_KIND_TENSOR}) && is(part[1], {v1::NODE_KIND_TENSOR, v1::NODE_KIND_NONE}) &&
             is(part[2], {v1::NODE_KIND_TENSOR}) && is(part[3], {v1::NODE_KIND_SIZE});
    case v1::NODE_KIND_META_TENSOR:
      return is(part[0], {v1::NODE_KIND_DTYPE}) && is(part[1], {v1::NODE_KIND_SIZE}) &&
             is(part[2], {v1::NODE_KIND_TUPLE}) && AllInts(part[1]) && AllInts(part[2]);
    case v1::NODE_KIND_NESTED_TENSOR:
      return std::all_of(part, part + 4, [&](NodeId tensor) { return is(tensor, {v1::NODE_KIND_TENSOR}); });
    case v1::NODE_KIND_ATTRIBUTED:
      return is(part[0], {v1::NODE_KIND_TENSOR, v1::NODE_KIND_SPARSE_TENSOR, v1::NODE_KIND_META_TENSOR,
                          v1::NODE_KIND_NESTED_TENSOR});
    case v1::NODE_KIND_SCALAR:
      return is(part[0], {v1::NODE_KIND_NUMPY_DTYPE}) && !is(part[1], {v1::NODE_KIND_SCALAR});
    default:
      return true;
  }
}

bool GraphBuilder::AllInts(NodeId items) const {
  const auto refs = graph_.Items(items);
  return std::all_of(refs.begin(), refs.end(), [this](NodeId item) { return graph_.kind(item) == v1::NODE_KIND_INT; });
}

}  // namespace airlock
