// A value graph as a daemon gives it in a memory file, for tests of those who map it.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "airlock/v1/loader.pb.h"
#include "sandbox/base/fd.h"
#include "sandbox/base/graph_file.h"

namespace airlock::testing {

// Column number `index` of a graph, as it stands on the wire.
inline std::string ColumnOf(const v1::GraphColumns& graph, size_t index) {
  const auto bytes = [](const auto& values) {
    return std::string(reinterpret_cast<const char*>(values.data()),
                       static_cast<size_t>(values.size()) * sizeof(*values.data()));
  };
  switch (index) {
    case 0:
      return graph.kinds();
    case 1:
      return bytes(graph.counts());
    case 2:
      return bytes(graph.refs());
    case 3:
      return bytes(graph.links());
    case 4:
      return bytes(graph.ints());
    case 5:
      return bytes(graph.floats());
    default:
      return graph.blob();
  }
}

// Not sealed. Aborts where this machine has no memory files.
struct GraphFileMaker {
  // Of each column, where none is longer.
  static constexpr uint64_t kRoom = GraphRoom(1);

  explicit GraphFileMaker(const v1::GraphColumns& graph)
      : file(memfd_create("graph", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    message.set_ticket("graph");
    uint64_t offset = 0;
    for (size_t i = 0; i < kGraphColumns; ++i) {
      const std::string column = ColumnOf(graph, i);
      const auto written = pwrite(file.get(), column.data(), column.size(), static_cast<off_t>(offset));
      if (written != static_cast<ssize_t>(column.size())) std::abort();
      message.add_offset(offset);
      message.add_bytes(column.size());
      offset += GraphRoom(std::max<uint64_t>(column.size(), 1));
    }
    if (ftruncate(file.get(), static_cast<off_t>(offset)) != 0) std::abort();
  }
  void Seal(int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) const {
    if (fcntl(file.get(), F_ADD_SEALS, seals) != 0) std::abort();
  }
  Fd Descriptor() const { return Fd(fcntl(file.get(), F_DUPFD_CLOEXEC, 0)); }

  Fd file;
  v1::GraphFile message;
};

}  // namespace airlock::testing
