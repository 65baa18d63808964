#include "server/service/plan_cutter.h"

#include <algorithm>
#include <string>

namespace airlock::server {
namespace {

// Less than 1 MiB: tags, lengths and the message around it take some.
constexpr size_t kPieceBytes = (1 << 20) - 1024;
// A varint of what the validator takes for an enum value.
constexpr size_t kEnumBytes = 2;
constexpr size_t kMaxRowOverhead = 16;

// A packed column, each row of `width` bytes at most. `to` finds the column of a piece.
template <typename Source, typename Find>
auto Packed(const Source& source, size_t width, Find to) {
  return [&source, width, to](v1::PlanChunk& piece, size_t from, size_t& budget) {
    const size_t rows = std::min(static_cast<size_t>(source.size()) - from, budget / width);
    const auto begin = source.begin() + static_cast<std::ptrdiff_t>(from);
    to(piece)->Add(begin, begin + static_cast<std::ptrdiff_t>(rows));
    budget -= rows * width;
    return rows;
  };
}

// Numbers of a fixed width.
template <typename Source, typename Find>
auto Numbers(const Source& source, Find to) {
  return Packed(source, sizeof(typename Source::value_type), to);
}

template <typename Source, typename Find>
auto Enums(const Source& source, Find to) {
  return Packed(source, kEnumBytes, to);
}

template <typename Find>
auto Bytes(const std::string& source, Find to) {
  return [&source, to](v1::PlanChunk& piece, size_t from, size_t& budget) {
    const size_t rows = std::min(source.size() - from, budget);
    to(piece)->append(source, from, rows);
    budget -= rows;
    return rows;
  };
}

size_t WireSize(const std::string& text) { return text.size(); }
template <typename Message>
size_t WireSize(const Message& message) {
  return message.ByteSizeLong();
}

// A column of messages or strings: at least one goes into an empty piece (none is longer than a worker's frame).
template <typename Source, typename Find>
auto Rows(const Source& source, Find to) {
  return [&source, to](v1::PlanChunk& piece, size_t from, size_t& budget) {
    size_t rows = 0;
    while (from + rows < static_cast<size_t>(source.size())) {
      const auto& row = source.Get(static_cast<int>(from + rows));
      const size_t size = WireSize(row) + kMaxRowOverhead;
      if (size > budget && budget < kPieceBytes) break;
      *to(piece)->Add() = row;
      budget -= std::min(size, budget);
      ++rows;
    }
    return rows;
  };
}

}  // namespace

// One row: a column of the plan and where it goes in a piece.
#define AIRLOCK_COLUMN(Kind, source, table, field)                  \
  columns_.push_back({static_cast<size_t>((source).field().size()), \
                      Kind((source).field(), [](v1::PlanChunk& p) { return p.table mutable_##field(); })})

void PlanCutter::AddGraph(const v1::GraphColumns& graph) {
  AIRLOCK_COLUMN(Bytes, graph, mutable_graph()->, kinds);
  AIRLOCK_COLUMN(Numbers, graph, mutable_graph()->, counts);
  AIRLOCK_COLUMN(Numbers, graph, mutable_graph()->, refs);
  AIRLOCK_COLUMN(Numbers, graph, mutable_graph()->, links);
  AIRLOCK_COLUMN(Numbers, graph, mutable_graph()->, ints);
  AIRLOCK_COLUMN(Numbers, graph, mutable_graph()->, floats);
  AIRLOCK_COLUMN(Bytes, graph, mutable_graph()->, blob);
}

void PlanCutter::AddTensors(const v1::TensorColumns& tensors) {
  AIRLOCK_COLUMN(Numbers, tensors, mutable_tensors()->, storage);
  AIRLOCK_COLUMN(Enums, tensors, mutable_tensors()->, dtype);
  AIRLOCK_COLUMN(Numbers, tensors, mutable_tensors()->, flags);
  AIRLOCK_COLUMN(Numbers, tensors, mutable_tensors()->, offset);
  AIRLOCK_COLUMN(Numbers, tensors, mutable_tensors()->, rank);
  AIRLOCK_COLUMN(Numbers, tensors, mutable_tensors()->, shape);
  AIRLOCK_COLUMN(Numbers, tensors, mutable_tensors()->, stride);
  AIRLOCK_COLUMN(Rows, tensors, mutable_tensors()->, quantization);
}

void PlanCutter::AddStorages(const v1::StorageColumns& storages) {
  AIRLOCK_COLUMN(Enums, storages, mutable_storages()->, place);
  AIRLOCK_COLUMN(Numbers, storages, mutable_storages()->, offset);
  AIRLOCK_COLUMN(Numbers, storages, mutable_storages()->, nbytes);
  AIRLOCK_COLUMN(Numbers, storages, mutable_storages()->, device);
  AIRLOCK_COLUMN(Numbers, storages, mutable_storages()->, crc32);
}

PlanCutter::PlanCutter(const v1::PlanChunk& plan) {
  AddGraph(plan.graph());
  AddTensors(plan.tensors());
  AddStorages(plan.storages());
  AIRLOCK_COLUMN(Rows, plan, , devices);
  AIRLOCK_COLUMN(Rows, plan, , symbols);
  AIRLOCK_COLUMN(Rows, plan, , findings);
  AIRLOCK_COLUMN(Bytes, plan.entries(), mutable_entries()->, names);
  AIRLOCK_COLUMN(Numbers, plan.entries(), mutable_entries()->, name_bytes);
  AIRLOCK_COLUMN(Numbers, plan.entries(), mutable_entries()->, tensor);
  AIRLOCK_COLUMN(Bytes, plan.entries(), mutable_entries()->, meta_names);
  AIRLOCK_COLUMN(Numbers, plan.entries(), mutable_entries()->, meta_name_bytes);
  AIRLOCK_COLUMN(Numbers, plan.entries(), mutable_entries()->, meta_node);
  AIRLOCK_COLUMN(Numbers, plan.entries(), mutable_entries()->, meta_at);
}

#undef AIRLOCK_COLUMN

bool PlanCutter::Next(v1::PlanChunk& piece) {
  piece.Clear();
  size_t budget = kPieceBytes;
  bool any = false;
  while (column_ < columns_.size()) {
    const Column& column = columns_[column_];
    if (row_ == column.size) {
      ++column_;
      row_ = 0;
      continue;
    }
    const size_t rows = column.take(piece, row_, budget);
    if (rows == 0) break;
    row_ += rows;
    any = true;
  }
  return any;
}

}  // namespace airlock::server
