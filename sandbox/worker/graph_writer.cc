#include "sandbox/worker/graph_writer.h"

#include <bit>

#include "airlock/v1/graph.pb.h"

namespace airlock::worker {

static_assert(std::endian::native == std::endian::little, "columns are written as they are");

void ColumnEnds::Append(size_t column, std::string_view bytes) {
  if (!ok()) return;
  uint64_t& end = bytes_[column];
  const uint64_t needed = end + bytes.size();
  if (needed > sink_.room() || !sink_.Write(column, end, bytes)) {
    needed_ = needed;
  } else {
    end = needed;
  }
}

Result<void> ColumnEnds::result() const {
  return ok() ? Result<void>() : FailLimit("memory_bytes", sink_.room(), needed_);
}

void GraphWriter::Refs(std::span<const pickle::NodeId> nodes, const NodeNumbers& numbers) {
  while (!nodes.empty()) {
    const std::span<uint32_t> room = columns_->refs.Extend(nodes.size());
    numbers.Of(nodes.first(room.size()), room.data());
    nodes = nodes.subspan(room.size());
  }
}

void GraphWriter::Numbers(uint8_t kind, std::string_view values) {
  static_assert(sizeof(double) == sizeof(int64_t));
  columns_->kinds.Fill(kind, values.size() / sizeof(int64_t));
  if (kind == ::airlock::v1::NODE_KIND_INT) {
    columns_->ints.Append(values);
  } else {
    columns_->floats.Append(values);
  }
}

Result<void> GraphWriter::Finish() {
  columns_->kinds.Flush();
  columns_->counts.Flush();
  columns_->refs.Flush();
  columns_->links.Flush();
  columns_->ints.Flush();
  columns_->floats.Flush();
  columns_->blob.Flush();
  return ends_.result();
}

}  // namespace airlock::worker
