// Whether data arrived as it was written: the CRC-32 that zip archives have of each member, held against the bytes that
// came. They are the file's own word, so they find a broken disk or copy and no forger. torch writes them unless
// torch.serialization.set_crc32_options(False) was called, and never looks at them.
#pragma once

#include "airlock/checkpoint.h"

namespace airlock {

// CHECKSUM_MISMATCH, with the storage and a tensor of it, unless all bytes are those that the file has a checksum of.
// Storages without one pass. Reads every byte once, on as many threads as there are processors. Thread-safe.
ClientResult<void> VerifyChecksums(const Checkpoint& checkpoint);

}  // namespace airlock
