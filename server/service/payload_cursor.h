// PayloadCursor: where the storages' bytes are, one after the other, as they go out. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>

#include "airlock/v1/tensor.pb.h"
#include "server/source/input.h"
#include "server/verdict.h"

namespace airlock::server {

class PayloadCursor {
 public:
  // Bytes that lie in one piece of one file.
  struct Span {
    int fd;
    uint64_t offset;
    uint64_t length;
  };

  // REQUIRES: CheckStorages passed for these files; `output_fd` may be -1 where no span needs it. All must outlive the
  // cursor.
  PayloadCursor(const v1::StorageColumns& storages, const Input& input, int output_fd);

  uint64_t remaining() const { return remaining_; }
  // The next bytes of the storage that is under way: never none. REQUIRES: remaining() > 0.
  Span Next();
  // So many of them have gone. REQUIRES: no more than Next gave.
  void Advance(uint64_t length);
  // Some of them, at least one, which then have gone. Fails as INPUT_CHANGED where a file became shorter. REQUIRES:
  // remaining() > 0, and room in `into`.
  OrVerdict<size_t> Read(std::span<uint8_t> into);

 private:
  // Bytes of a storage that go out.
  uint64_t Delivered(int row) const;

  const v1::StorageColumns& storages_;
  const Input& input_;
  const int output_fd_;
  uint64_t remaining_ = 0;
  int row_ = 0;
  // In the storage `row_`.
  uint64_t at_ = 0;
};

}  // namespace airlock::server
