#include "server/validate/plan_accumulator.h"

#include <algorithm>
#include <array>
#include <string>

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

uint64_t MemoryOf(const v1::PlanChunk& piece) {
  return SumOverColumns(piece, [](const auto& column) { return BytesOf(column); }) + BytesOf(piece.findings());
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

// A count that a limit bounds: of what is there and of what comes.
struct CountRow {
  uint64_t have;
  uint64_t more;
  uint64_t limit;
  Rule rule;
};

uint64_t Longest(std::initializer_list<int> sizes) { return static_cast<uint64_t>(std::max(sizes)); }

}  // namespace

OrVerdict<void> PlanAccumulator::CheckCounts(const v1::PlanChunk& piece) const {
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
  const std::array<CountRow, 5> rows = {{
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

OrVerdict<void> PlanAccumulator::TakeMemory(uint64_t bytes) {
  memory_ += bytes;
  const uint64_t allowed = std::min(limits_.memory_bytes, kMaxPlanMemory);
  if (memory_ > allowed) return Unexpected<Verdict>{Verdict::Limit("memory_bytes", allowed, memory_)};
  return {};
}

OrVerdict<void> PlanAccumulator::Add(const v1::PlanChunk& piece) {
  if (piece.has_graph()) return Broken(Rule::kPieceGraph);
  if (piece.has_entries()) return Broken(Rule::kPieceEntries);
  AIRLOCK_TRY(CheckCounts(piece));
  AIRLOCK_TRY(CheckInventory(piece));
  AIRLOCK_TRY(TakeMemory(MemoryOf(piece)));

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
