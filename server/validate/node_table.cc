#include "server/validate/node_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

#include "server/validate/plan_memory.h"
#include "server/validate/rules.h"

namespace airlock::server {
namespace {

// A kind takes from `counts` and from at most one column more.
enum class Column : uint8_t { kNothing, kInts, kFloats, kBlob, kRefs, kLinks };

// What a kind takes, as graph.proto says it: `fixed` values, and `per_count` for each that its count names.
struct KindRow {
  bool known = false;
  bool counted = false;
  Column column = Column::kNothing;
  uint8_t fixed = 0;
  uint8_t per_count = 0;
};

constexpr std::array<KindRow, 33> kKinds = {{
    {},                                     // UNSPECIFIED
    {true, false, Column::kNothing, 0, 0},  // NONE
    {true, false, Column::kNothing, 0, 0},  // FALSE
    {true, false, Column::kNothing, 0, 0},  // TRUE
    {true, false, Column::kInts, 1, 0},     // INT
    {true, true, Column::kBlob, 0, 1},      // BIG_INT
    {true, false, Column::kFloats, 1, 0},   // FLOAT
    {true, false, Column::kFloats, 2, 0},   // COMPLEX
    {true, true, Column::kBlob, 0, 1},      // STRING
    {true, true, Column::kBlob, 0, 1},      // BYTES
    {true, true, Column::kBlob, 0, 1},      // BYTE_ARRAY
    {true, true, Column::kRefs, 0, 1},      // LIST
    {true, true, Column::kRefs, 0, 1},      // TUPLE
    {true, true, Column::kRefs, 0, 1},      // SET
    {true, true, Column::kRefs, 0, 1},      // FROZEN_SET
    {true, true, Column::kRefs, 0, 2},      // DICT
    {true, true, Column::kRefs, 1, 2},      // ORDERED_DICT
    {true, true, Column::kRefs, 0, 1},      // SIZE
    {true, true, Column::kBlob, 0, 1},      // DTYPE
    {true, true, Column::kBlob, 0, 1},      // LAYOUT
    {true, true, Column::kBlob, 0, 1},      // DEVICE
    {true, false, Column::kLinks, 1, 0},    // TENSOR
    {true, false, Column::kLinks, 2, 0},    // STORAGE
    {true, false, Column::kLinks, 1, 0},    // SYMBOL
    {true, true, Column::kRefs, 1, 0},      // RECORD: and one for each part, see Needed
    {true, true, Column::kRefs, 4, 0},      // SPARSE_TENSOR
    {true, true, Column::kRefs, 3, 0},      // META_TENSOR
    {true, false, Column::kRefs, 4, 0},     // NESTED_TENSOR
    {true, false, Column::kRefs, 2, 0},     // STREAM
    {true, false, Column::kRefs, 2, 0},     // ATTRIBUTED
    {true, false, Column::kLinks, 1, 0},    // ARRAY
    {true, false, Column::kRefs, 2, 0},     // SCALAR
    {true, true, Column::kBlob, 0, 1},      // NUMPY_DTYPE
}};
constexpr uint32_t kRecordBits = 0xFF;
constexpr uint32_t kRecordRefBits = kRecordBits & ~uint32_t{v1::RECORD_PART_NEW | v1::RECORD_PART_STATES};

uint64_t Needed(v1::NodeKind kind, const KindRow& row, uint32_t count) {
  if (kind == v1::NODE_KIND_RECORD) return 1 + static_cast<uint64_t>(std::popcount(count & kRecordRefBits));
  return row.fixed + uint64_t{row.per_count} * count;
}

}  // namespace

OrVerdict<NodeTable> NodeTable::Cut(const v1::GraphColumns& graph) {
  NodeTable table(graph);
  table.Advance();
  AIRLOCK_TRY(table.Close());
  return table;
}

void NodeTable::Advance() {
  const std::string_view kinds = graph_->kinds();
  if (cut_ == kinds.size() || defect_) return;
  MakeRoom(nodes_, kinds.size() - nodes_.size());
  nodes_.resize(kinds.size());
  while (cut_ < kinds.size()) {
    const auto kind = static_cast<uint8_t>(kinds[cut_]);
    if (kind >= kKinds.size() || !kKinds[kind].known) {
      defect_ = Rule::kGraphKind;
      return;
    }
    const KindRow& row = kKinds[kind];
    const bool run = !row.counted && cut_ + 1 < kinds.size() && static_cast<uint8_t>(kinds[cut_ + 1]) == kind;
    if (run) {
      CutRun(kind);
    } else if (!CutOne(kind)) {
      return;
    }
    kinds_ |= uint64_t{1} << kind;
  }
}

// False where its count is not there yet, or is none of the kind's.
bool NodeTable::CutOne(uint8_t kind) {
  const KindRow& row = kKinds[kind];
  if (row.counted && counts_ == static_cast<uint64_t>(graph_->counts_size())) return false;
  const uint32_t count = row.counted ? graph_->counts(static_cast<int>(counts_)) : 0;
  if (kind == v1::NODE_KIND_RECORD && (count & ~kRecordBits) != 0) {
    defect_ = Rule::kGraphRecordMask;
    return false;
  }
  counts_ += row.counted ? 1 : 0;
  uint64_t& at = taken_[static_cast<size_t>(row.column)];
  nodes_[cut_++] = Node{static_cast<uint32_t>(at), count};
  at += Needed(static_cast<v1::NodeKind>(kind), row, count);
  return true;
}

// Nodes of one kind, which has no counts: numbers mostly, of which there may be a million in a row.
void NodeTable::CutRun(uint8_t kind) {
  const std::string_view kinds = graph_->kinds();
  const size_t begin = cut_;
  cut_ = std::min(kinds.find_first_not_of(static_cast<char>(kind), begin), kinds.size());
  const KindRow& row = kKinds[kind];
  const uint32_t step = row.fixed;
  uint64_t& at = taken_[static_cast<size_t>(row.column)];
  auto first = static_cast<uint32_t>(at);
  for (Node& node : std::span(nodes_).subspan(begin, cut_ - begin)) {
    node = {first, 0};
    first += step;
  }
  at += uint64_t{step} * (cut_ - begin);
}

OrVerdict<void> NodeTable::Close() {
  Advance();
  const auto length = [](int size) { return static_cast<uint64_t>(size); };
  const std::array<uint64_t, kColumns> size = {0,
                                               length(graph_->ints_size()),
                                               length(graph_->floats_size()),
                                               graph_->blob().size(),
                                               length(graph_->refs_size()),
                                               length(graph_->links_size())};
  for (size_t column = 0; column < kColumns; ++column) {
    if (taken_[column] > size[column]) return Broken(Rule::kGraphShort);
  }
  if (defect_) return Broken(*defect_);
  if (cut_ != graph_->kinds().size()) return Broken(Rule::kGraphShort);
  if (counts_ != length(graph_->counts_size()) || taken_ != size) return Broken(Rule::kGraphLeftover);
  return {};
}

std::span<const uint32_t> NodeTable::refs(uint32_t node) const {
  const v1::NodeKind node_kind = kind(node);
  return {graph_->refs().data() + nodes_[node].first,
          static_cast<size_t>(Needed(node_kind, kKinds[node_kind], nodes_[node].count))};
}

std::string_view NodeTable::blob(uint32_t node) const {
  return std::string_view(graph_->blob()).substr(nodes_[node].first, nodes_[node].count);
}

}  // namespace airlock::server
