// Chunks: a tensor that stands in pieces, each a box of it, put together in the output. All numbers are the file's.
#pragma once

#include <cstdint>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/formats/dcp_metadata.h"
#include "sandbox/formats/input.h"
#include "sandbox/pickle/machine.h"

namespace airlock::formats {

// Fails as kSetMalformed unless the chunks fill the tensor exactly: each lies inside, no two share an element, none is
// missing. Comparing them counts as opcodes. REQUIRES: every chunk has as many dimensions as the tensor.
Result<void> CheckTiling(const DcpTensor& tensor, const std::string& name, pickle::Context& context);

// Elements that a chunk has. REQUIRES: CheckTiling.
uint64_t VolumeOf(const DcpChunk& chunk);

// The elements of one chunk: in row-major order without gaps, from this byte of the input on.
struct ChunkBytes {
  const DcpChunk* chunk = nullptr;
  uint64_t offset = 0;
};

// Writes the tensor to the output at `start`, a band of rows at a time: memory stays small however large it is. Counts
// opcodes for what it looks at. REQUIRES: CheckTiling; the bytes of each chunk lie in the input; `start` was reserved
// for all of the tensor; item_size is that of its elements, which are not packed.
Result<void> CopyChunks(const DcpTensor& tensor, const std::vector<ChunkBytes>& chunks, uint64_t item_size,
                        const Input& input, Output& output, uint64_t start, pickle::Context& context);

}  // namespace airlock::formats
