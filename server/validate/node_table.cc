#include "server/validate/node_table.h"

#include <array>
#include <bit>

#include "server/validate/rules.h"

namespace airlock::server {
namespace {

// A kind takes from `counts` and from at most one column more.
enum class Column : uint8_t { kNothing, kInts, kFloats, kBlob, kRefs, kLinks };
constexpr size_t kColumns = 6;

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
  table.nodes_.resize(graph.kinds().size());
  const auto length = [](int size) { return static_cast<uint64_t>(size); };
  const std::array<uint64_t, kColumns> size = {0,
                                               length(graph.ints_size()),
                                               length(graph.floats_size()),
                                               graph.blob().size(),
                                               length(graph.refs_size()),
                                               length(graph.links_size())};
  std::array<uint64_t, kColumns> at{};
  const auto counts = length(graph.counts_size());
  uint64_t next_count = 0;
  for (uint32_t node = 0; node < table.size(); ++node) {
    const v1::NodeKind kind = table.kind(node);
    if (static_cast<size_t>(kind) >= kKinds.size() || !kKinds[kind].known) return Broken(Rule::kGraphKind);
    const KindRow& row = kKinds[kind];
    if (row.counted && next_count == counts) return Broken(Rule::kGraphShort);
    const uint32_t count = row.counted ? graph.counts(static_cast<int>(next_count++)) : 0;
    if (kind == v1::NODE_KIND_RECORD && (count & ~kRecordBits) != 0) return Broken(Rule::kGraphRecordMask);
    const auto column = static_cast<size_t>(row.column);
    const uint64_t needed = Needed(kind, row, count);
    if (needed > size[column] - at[column]) return Broken(Rule::kGraphShort);
    table.nodes_[node] = Node{static_cast<uint32_t>(at[column]), count};
    at[column] += needed;
  }
  if (next_count != counts || at != size) return Broken(Rule::kGraphLeftover);
  return table;
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
