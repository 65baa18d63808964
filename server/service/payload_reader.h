// PayloadReader: the storages' bytes one after the other, read from the input and the output by pread, a piece at a
// time, straight into the buffer that gRPC sends. The broker never maps a file that others could cut short.
//
// Pieces start small and grow with what has been read, and shrink as the memory for the pieces of all calls goes: one
// whose caller stops reading early costs little, and thousands of such callers leave large pieces for the others. Not
// thread-safe.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <optional>

#include "airlock/v1/tensor.pb.h"
#include "server/service/budget.h"
#include "server/source/input.h"
#include "server/verdict.h"

namespace airlock::server {

// A message on its way to a caller, and what it takes of the memory for pieces until it has gone.
struct OutgoingMessage {
  grpc::ByteBuffer bytes;
  std::optional<Budget::Share> share;
};

class PayloadReader {
 public:
  // REQUIRES: CheckStorages passed for these files; `output_fd` may be -1 where no span needs it. All must outlive the
  // reader, and `memory` its messages.
  PayloadReader(const v1::StorageColumns& storages, const Input& input, int output_fd, Budget& memory);

  bool AtEnd() const { return remaining_ == 0; }
  // The next piece, encoded as a LoadResponse. REQUIRES: !AtEnd().
  OrVerdict<OutgoingMessage> Next();

 private:
  // Bytes of a storage that go out.
  uint64_t Delivered(int row) const;
  OrVerdict<void> Fill(uint8_t* buffer, size_t size);

  const v1::StorageColumns& storages_;
  const Input& input_;
  const int output_fd_;
  Budget& memory_;
  uint64_t done_ = 0;
  uint64_t remaining_ = 0;
  int row_ = 0;
  // In the storage `row_`.
  uint64_t at_ = 0;
};

}  // namespace airlock::server
