// PayloadReader: the storages' bytes one after the other, read from the input and the output by pread, a piece at a
// time, straight into the buffer that gRPC sends. The broker never maps a file that others could cut short. Not
// thread-safe.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <vector>

#include "airlock/v1/tensor.pb.h"
#include "server/source/input.h"
#include "server/verdict.h"

namespace airlock::server {

class PayloadReader {
 public:
  // REQUIRES: CheckStorages passed for these files; `output_fd` may be -1 where no span needs it. `input`, the
  // output and `storages` must outlive the reader.
  PayloadReader(const v1::StorageColumns& storages, const Input& input, int output_fd);

  bool AtEnd() const { return remaining_ == 0; }
  // The next piece, encoded as a LoadResponse. REQUIRES: !AtEnd().
  OrVerdict<grpc::ByteBuffer> Next();

 private:
  // Bytes of a storage that go out.
  uint64_t Delivered(int row) const;
  OrVerdict<void> Fill(uint8_t* buffer, size_t size);

  const v1::StorageColumns& storages_;
  const Input& input_;
  const int output_fd_;
  uint64_t remaining_ = 0;
  int row_ = 0;
  // In the storage `row_`.
  uint64_t at_ = 0;
};

}  // namespace airlock::server
