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

// How many nodes from this one on are of its kind: of numbers there may be a million in a row.
size_t RunFrom(std::string_view kinds, size_t node) {
  if (node + 1 == kinds.size() || kinds[node + 1] != kinds[node]) return 1;
  return std::min(kinds.find_first_not_of(kinds[node], node), kinds.size()) - node;
}

}  // namespace

OrVerdict<NodeTable> NodeTable::Cut(const GraphView& graph) {
  NodeTable table(graph);
  Progress at;
  const std::optional<Rule> defect = table.CutNodes(at);
  AIRLOCK_TRY(table.CheckTaken(at));
  if (defect) return Broken(*defect);
  table.kinds_ = at.kinds;
  return table;
}

std::optional<Rule> NodeTable::CutNodes(Progress& at) {
  const std::string_view kinds = graph_.kinds;
  nodes_.resize(kinds.size());
  Node* const nodes = nodes_.data();
  Progress now;  // not in memory, as what the caller has is
  std::optional<Rule> defect;
  while (now.node < kinds.size() && !defect) {
    const auto kind = static_cast<uint8_t>(kinds[now.node]);
    if (kind >= kKinds.size() || !kKinds[kind].known) {
      defect = Rule::kGraphKind;
      break;
    }
    const KindRow& row = kKinds[kind];
    if (row.counted && now.count == graph_.counts.size()) {
      defect = Rule::kGraphShort;
      break;
    }
    const uint32_t count = row.counted ? graph_.counts[now.count++] : 0;
    if (kind == v1::NODE_KIND_RECORD && (count & ~kRecordBits) != 0) {
      defect = Rule::kGraphRecordMask;
      break;
    }
    const uint64_t needed = Needed(static_cast<v1::NodeKind>(kind), row, count);
    uint64_t& taken = now.taken[static_cast<size_t>(row.column)];
    now.kinds |= uint64_t{1} << kind;
    const size_t run = row.counted ? 1 : RunFrom(kinds, now.node);
    if (run > 1) Place(std::span(nodes_).subspan(now.node, run), static_cast<uint32_t>(taken), needed);
    if (run == 1) nodes[now.node] = {static_cast<uint32_t>(taken), count};
    taken += needed * run;
    now.node += run;
  }
  at = now;
  return defect;
}

// Nodes without counts: the first of them takes from `first` on, each of the others from `step` values behind the one
// before it.
inline void NodeTable::Place(std::span<Node> nodes, uint32_t first, uint64_t step) {
  for (Node& each : nodes) {
    each = {first, 0};
    first += static_cast<uint32_t>(step);
  }
}

// A node that takes more than there is comes before whatever is wrong behind it.
OrVerdict<void> NodeTable::CheckTaken(const Progress& at) const {
  const std::array<uint64_t, kColumns> size = {
      0, graph_.ints.size(), graph_.floats.size(), graph_.blob.size(), graph_.refs.size(), graph_.links.size()};
  for (size_t column = 0; column < kColumns; ++column) {
    if (at.taken[column] > size[column]) return Broken(Rule::kGraphShort);
  }
  const bool whole = at.node == graph_.kinds.size();
  if (whole && (at.count != graph_.counts.size() || at.taken != size)) return Broken(Rule::kGraphLeftover);
  return {};
}

std::span<const uint32_t> NodeTable::refs(uint32_t node) const {
  const v1::NodeKind node_kind = kind(node);
  return graph_.refs.subspan(nodes_[node].first, Needed(node_kind, kKinds[node_kind], nodes_[node].count));
}

std::string_view NodeTable::blob(uint32_t node) const {
  return graph_.blob.substr(nodes_[node].first, nodes_[node].count);
}

}  // namespace airlock::server
