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

#include "server/service/budget.h"
#include "server/service/payload_cursor.h"
#include "server/verdict.h"

namespace airlock::server {

// A message on its way to a caller, and what it takes of the memory for pieces until it has gone.
struct OutgoingMessage {
  grpc::ByteBuffer bytes;
  std::optional<Budget::Share> share;
};

class PayloadReader {
 public:
  // `memory` must outlive the reader's messages.
  PayloadReader(const PayloadCursor& cursor, Budget& memory) : cursor_(cursor), memory_(memory) {}

  bool AtEnd() const { return cursor_.remaining() == 0; }
  // The next piece, encoded as a LoadResponse. REQUIRES: !AtEnd().
  OrVerdict<OutgoingMessage> Next();

 private:
  OrVerdict<void> Fill(uint8_t* buffer, size_t size);

  PayloadCursor cursor_;
  Budget& memory_;
  uint64_t done_ = 0;
};

}  // namespace airlock::server
