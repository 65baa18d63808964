#include "client/cpp/mapped_graph.h"

#include <sys/stat.h>

#include <utility>

#include "sandbox/base/checked.h"

namespace airlock {
namespace {

bool AllInside(const v1::GraphFile& where, uint64_t size) {
  if (where.offset_size() != static_cast<int>(kGraphColumns) || where.bytes_size() != static_cast<int>(kGraphColumns)) {
    return false;
  }
  for (size_t i = 0; i < kGraphColumns; ++i) {
    const uint64_t offset = where.offset(static_cast<int>(i));
    const uint64_t bytes = where.bytes(static_cast<int>(i));
    if (offset % kGraphAlignment != 0 || bytes % kGraphWidths[i] != 0 || bytes > kMaxGraphRoom ||
        !SpanFits(offset, bytes, size))
      return false;
  }
  return true;
}

}  // namespace

ClientResult<std::shared_ptr<const MappedGraph>> MappedGraph::Map(int fd, const v1::GraphFile& where) {
  struct stat status = {};
  if (fstat(fd, &status) != 0 || !AllInside(where, static_cast<uint64_t>(status.st_size))) {
    return Unexpected{MakeError(v1::REASON_INTERNAL, "the value graph is not where the daemon's answer says it is")};
  }
  auto graph = std::make_shared<MappedGraph>();
  for (size_t i = 0; i < kGraphColumns; ++i) {
    const int row = static_cast<int>(i);
    AIRLOCK_ASSIGN(graph->columns_[i], Mapping::MapAll(fd, where.offset(row), where.bytes(row)));
  }
  return std::shared_ptr<const MappedGraph>(std::move(graph));
}

}  // namespace airlock
