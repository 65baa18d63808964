// MemorySink: keeps every storage in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "airlock/checkpoint.h"

namespace airlock {

class MemorySink : public StorageSink {
 public:
  ClientResult<void> Plan(const std::shared_ptr<const Contents>& contents) override;
  std::span<std::byte> Room(uint32_t index, uint64_t offset) override;
  ClientResult<void> Data(uint32_t index, uint64_t offset, std::string_view bytes) override;
  ClientResult<void> End(uint32_t index) override;

  // REQUIRES: the load succeeded.
  std::vector<std::shared_ptr<const Storage>> Take() { return std::move(done_); }

 private:
  // Only the storage that is arriving may be written to.
  ClientResult<void> Begin(uint32_t index);

  std::shared_ptr<const Contents> contents_;
  std::shared_ptr<Storage> current_;
  std::vector<std::shared_ptr<const Storage>> done_;
};

}  // namespace airlock
