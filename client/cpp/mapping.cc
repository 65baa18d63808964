#include "client/cpp/mapping.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace airlock {

ClientResult<std::shared_ptr<const Mapping>> Mapping::Map(int fd, uint64_t offset, uint64_t bytes, int flags) {
  if (bytes == 0) return std::shared_ptr<const Mapping>(new Mapping(nullptr, 0));
  void* data = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | flags, fd, static_cast<off_t>(offset));
  if (data == MAP_FAILED) {
    return Unexpected{MakeError(v1::OUTCOME_INTERNAL, std::string("the file cannot be mapped: ") + strerror(errno))};
  }
  return std::shared_ptr<const Mapping>(new Mapping(static_cast<const std::byte*>(data), bytes));
}

ClientResult<std::shared_ptr<const Mapping>> Mapping::Map(int fd, uint64_t bytes) { return Map(fd, 0, bytes, 0); }

ClientResult<std::shared_ptr<const Mapping>> Mapping::MapAll(int fd, uint64_t offset, uint64_t bytes) {
  return Map(fd, offset, bytes, MAP_POPULATE);
}

Mapping::~Mapping() {
  if (size_ > 0) munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace airlock
