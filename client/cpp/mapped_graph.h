// MappedGraph: the columns of a value graph in a memory file of the daemon's (GraphFile in airlock/v1/loader.proto),
// mapped. Immutable; thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "airlock/error.h"
#include "airlock/v1/loader.pb.h"
#include "client/cpp/mapping.h"
#include "sandbox/base/graph_file.h"

namespace airlock {

class MappedGraph {
 public:
  // `fd`: a memory file that nobody can change, sealed. INTERNAL where the columns are not in it, are no whole values,
  // or cannot be mapped. What they hold is not looked at.
  static ClientResult<std::shared_ptr<const MappedGraph>> Map(int fd, const v1::GraphFile& where);

  // Column number `index`, in the order of GraphColumns, as values of type T. REQUIRES: of their width.
  template <typename T>
  std::span<const T> column(size_t index) const {
    const std::span<const std::byte> bytes = columns_[index]->bytes();
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

 private:
  std::array<std::shared_ptr<const Mapping>, kGraphColumns> columns_;
};

}  // namespace airlock
