// Whether data arrived as it was written: the CRC-32 that zip archives have of each member, held against the bytes that
// came. They are the file's own word, so they find a broken disk or copy and no forger. torch writes them unless
// torch.serialization.set_crc32_options(False) was called, and never looks at them.
#pragma once

#include <memory>

#include "airlock/checkpoint.h"

namespace airlock {

// CHECKSUM_MISMATCH, with the storage and a tensor of it, unless all bytes are those that the file has a checksum of.
// Storages without one pass. Reads every byte once, on as many threads as there are processors. Thread-safe.
ClientResult<void> VerifyChecksums(const Checkpoint& checkpoint);

// The same beside the caller's own work on the data: what both read comes from memory once.
//
//   Verification verification(checkpoint);   // begins, on all processors but one
//   Convert(checkpoint);                     // is not to be relied on yet
//   auto verified = verification.Finish();   // now it is, or not
//
// Not thread-safe.
class Verification {
 public:
  // Keeps the storages for as long as it needs them.
  explicit Verification(const Checkpoint& checkpoint);
  // Where it was not finished, stops after the storages that are being read.
  ~Verification();
  Verification(const Verification&) = delete;
  Verification& operator=(const Verification&) = delete;

  // Helps with what is left, and says what VerifyChecksums says. Call once.
  ClientResult<void> Finish();

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace airlock
