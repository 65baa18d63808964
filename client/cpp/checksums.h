// ChecksumSink: passes a checkpoint on to another sink and holds each storage's bytes against its checksum on the way.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "airlock/checksums.h"

namespace airlock {

class ChecksumSink final : public StorageSink {
 public:
  // Borrows it.
  explicit ChecksumSink(StorageSink& next) : next_(next) {}

  ClientResult<void> Plan(const std::shared_ptr<const Contents>& contents) override;
  std::span<std::byte> Room(uint32_t index, uint64_t offset) override { return next_.Room(index, offset); }
  ClientResult<void> Data(uint32_t index, uint64_t offset, std::string_view bytes) override;
  ClientResult<void> End(uint32_t index) override;

 private:
  StorageSink& next_;
  std::shared_ptr<const Contents> contents_;
  uint32_t crc_ = 0;  // of the storage that is under way
};

}  // namespace airlock
