#include "server/validate/plan_accumulator.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "server/validate/inventory_rules.h"
#include "server/validate/plan_columns.h"
#include "server/validate/plan_memory.h"
#include "server/validate/rules.h"

namespace airlock::server {
namespace {

// Columns of one load in the broker. A worker's own limit bounds them too, so an honest file that comes here is a file
// that is too large and not a violation.
constexpr uint64_t kMaxPlanMemory = uint64_t{1} << 30;
constexpr uint64_t kMaxDevices = 1024;
// A row of a message column, besides what it says: the message and its strings.
constexpr uint64_t kMessageOverhead = 192;

template <typename T>
uint64_t BytesOf(const google::protobuf::RepeatedField<T>& column) {
  return static_cast<uint64_t>(column.size()) * sizeof(T);
}

uint64_t BytesOf(const std::string& column) { return column.size(); }
uint64_t BytesOf(const google::protobuf::MessageLite& row) { return row.ByteSizeLong(); }

template <typename T>
uint64_t BytesOf(const google::protobuf::RepeatedPtrField<T>& column) {
  uint64_t bytes = 0;
  for (const T& row : column) bytes += kMessageOverhead + BytesOf(row);
  return bytes;
}

uint64_t MemoryOf(const PlanPiece& piece) {
  const GraphSpans& graph = piece.graph;
  return graph.kinds.size() + graph.counts.size() + graph.refs.size() + graph.links.size() + graph.ints.size() +
         graph.floats.size() + graph.blob.size() +
         SumOverColumns(piece.rest, [](const auto& column) { return BytesOf(column); }) +
         BytesOf(piece.rest.findings());
}

template <typename T>
void Append(google::protobuf::RepeatedPtrField<T>& to, const google::protobuf::RepeatedPtrField<T>& from) {
  to.MergeFrom(from);
}

template <typename T>
void Append(google::protobuf::RepeatedField<T>& to, const google::protobuf::RepeatedField<T>& from) {
  MakeRoom(to, static_cast<size_t>(from.size()));
  to.MergeFrom(from);
}

// A byte for each node, or text: malloc keeps what they grow into, for the next load.
void Append(std::string& to, std::string_view from) { to.append(from); }

// Of the column's values, as they are on the wire.
template <typename T>
void Append(google::protobuf::RepeatedField<T>& to, std::string_view from) {
  if (from.empty()) return;
  const size_t values = from.size() / sizeof(T);
  MakeRoom(to, values);
  std::memcpy(to.AddNAlreadyReserved(static_cast<int>(values)), from.data(), values * sizeof(T));
}

void AppendGraph(v1::GraphColumns& to, const GraphSpans& from) {
  Append(*to.mutable_kinds(), from.kinds);
  Append(*to.mutable_blob(), from.blob);
  Append(*to.mutable_counts(), from.counts);
  Append(*to.mutable_refs(), from.refs);
  Append(*to.mutable_links(), from.links);
  Append(*to.mutable_ints(), from.ints);
  Append(*to.mutable_floats(), from.floats);
}

// A count that a limit bounds: of what is there and of what comes.
struct CountRow {
  uint64_t have;
  uint64_t more;
  uint64_t limit;
  Rule rule;
};

uint64_t Longest(std::initializer_list<int> sizes) { return static_cast<uint64_t>(std::max(sizes)); }

}  // namespace

OrVerdict<void> PlanAccumulator::CheckCounts(const PlanPiece& whole) const {
  const v1::PlanChunk& piece = whole.rest;
  const auto tensors = [](const v1::PlanChunk& plan) {
    const auto& t = plan.tensors();
    return Longest(
        {t.storage_size(), t.dtype_size(), t.flags_size(), t.offset_size(), t.rank_size(), t.quantization_size()});
  };
  const auto storages = [](const v1::PlanChunk& plan) {
    const auto& s = plan.storages();
    return Longest({s.place_size(), s.offset_size(), s.nbytes_size(), s.device_size(), s.crc32_size()});
  };
  const auto size = [](const auto& column) { return static_cast<uint64_t>(column.size()); };
  const std::array<CountRow, 6> rows = {{
      {plan_->graph().kinds().size(), whole.graph.kinds.size(), limits_.nodes, Rule::kPieceNodes},
      {tensors(*plan_), tensors(piece), limits_.tensors, Rule::kPieceTensors},
      {storages(*plan_), storages(piece), std::max(limits_.members, limits_.tensors), Rule::kPieceStorages},
      {size(plan_->symbols()), size(piece.symbols()), limits_.symbols, Rule::kPieceSymbols},
      {size(plan_->findings()), size(piece.findings()), limits_.findings, Rule::kPieceFindings},
      {size(plan_->devices()), size(piece.devices()), kMaxDevices, Rule::kPieceDevices},
  }};
  for (const CountRow& row : rows) {
    if (row.have + row.more > row.limit) return Broken(row.rule);
  }
  return {};
}

OrVerdict<void> PlanAccumulator::Add(const PlanPiece& whole) {
  const v1::PlanChunk& piece = whole.rest;
  if (piece.has_entries()) return Broken(Rule::kPieceEntries);
  AIRLOCK_TRY(CheckCounts(whole));
  AIRLOCK_TRY(CheckInventory(piece));
  memory_ += MemoryOf(whole);
  const uint64_t allowed = std::min(limits_.memory_bytes, kMaxPlanMemory);
  if (memory_ > allowed) return Unexpected<Verdict>{Verdict::Limit("memory_bytes", allowed, memory_)};

  AppendGraph(*plan_->mutable_graph(), whole.graph);
  auto& t = *plan_->mutable_tensors();
  const auto& more = piece.tensors();
  Append(*t.mutable_storage(), more.storage());
  Append(*t.mutable_dtype(), more.dtype());
  Append(*t.mutable_flags(), more.flags());
  Append(*t.mutable_offset(), more.offset());
  Append(*t.mutable_rank(), more.rank());
  Append(*t.mutable_shape(), more.shape());
  Append(*t.mutable_stride(), more.stride());
  Append(*t.mutable_quantization(), more.quantization());
  auto& s = *plan_->mutable_storages();
  Append(*s.mutable_place(), piece.storages().place());
  Append(*s.mutable_offset(), piece.storages().offset());
  Append(*s.mutable_nbytes(), piece.storages().nbytes());
  Append(*s.mutable_device(), piece.storages().device());
  Append(*s.mutable_crc32(), piece.storages().crc32());
  Append(*plan_->mutable_devices(), piece.devices());
  Append(*plan_->mutable_symbols(), piece.symbols());
  Append(*plan_->mutable_findings(), piece.findings());
  return {};
}

}  // namespace airlock::server
