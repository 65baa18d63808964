#include "client/cpp/mapping.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace airlock {

ClientResult<std::shared_ptr<const Mapping>> Mapping::Map(int fd, uint64_t bytes) {
  if (bytes == 0) return std::shared_ptr<const Mapping>(new Mapping(nullptr, 0));
  void* data = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) {
    return Unexpected{MakeError(v1::OUTCOME_INTERNAL, std::string("the file cannot be mapped: ") + strerror(errno))};
  }
  return std::shared_ptr<const Mapping>(new Mapping(static_cast<const std::byte*>(data), bytes));
}

Mapping::~Mapping() {
  if (size_ > 0) munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace airlock
