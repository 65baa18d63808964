// InflatedMember: a deflated member of an archive, as a file of its own. All that comes out is written to the output
// once, where the storages in it can stay. What a reader looks at besides is inflated again, for the worker cannot read
// the output: from the nearest of a few states of the inflater that were kept. So its memory does not grow with it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sandbox/formats/inflate.h"
#include "sandbox/formats/input.h"
#include "sandbox/formats/zip_member.h"

namespace airlock::formats {

// Borrows the archive. Not thread-safe.
class InflatedMember final : public Bytes {
 public:
  // Inflates it to the output. Fails where it is not what its headers say.
  static Result<std::unique_ptr<InflatedMember>> Open(const Input& archive, const ZipMember& member, Output& output);

  // The member; must not outlive this.
  Input input() { return {*this, size_, start_}; }
  // CRC-32 of all of it.
  uint32_t crc() const { return crc_; }

  Result<void> ReadAt(uint64_t offset, std::span<uint8_t> out) override;

 private:
  struct State {
    uint64_t at;
    Inflater inflater;
  };

  explicit InflatedMember(const ZipMember& member, uint64_t start) : size_(member.size), start_(start) {}
  Result<void> WriteAll(const Input& archive, const ZipMember& member, Output& output);
  void Restart(uint64_t offset);

  uint64_t size_;
  uint64_t start_;  // in the output
  uint32_t crc_ = 0;
  std::vector<State> kept_;  // ascending; the first one is at 0
  std::optional<Inflater> current_;
  uint64_t at_ = 0;  // of current_
};

}  // namespace airlock::formats
