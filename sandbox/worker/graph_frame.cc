#include "sandbox/worker/graph_frame.h"

#include <bit>

#include "sandbox/worker/wire.h"

namespace airlock::worker {

static_assert(std::endian::native == std::endian::little, "columns are copied as they are");

void GraphFrame::Clear() {
  kinds.Clear();
  counts.Clear();
  refs.Clear();
  links.Clear();
  ints.Clear();
  floats.Clear();
  blob.Clear();
}

size_t GraphFrame::EncodedSize() const {
  size_t size = 0;
  for (const std::string_view column : InOrder()) size += column.empty() ? 0 : FieldSize(column.size());
  return size;
}

char* GraphFrame::Encode(char* out) const {
  uint32_t field = 0;
  for (const std::string_view column : InOrder()) {
    ++field;
    if (column.empty()) continue;
    out = WriteFieldHead(field, column.size(), out);
    std::memcpy(out, column.data(), column.size());
    out += column.size();
  }
  return out;
}

}  // namespace airlock::worker
