// Streams: who decodes the streams that stand in byte strings of another stream. The machine meets calls of loaders
// (`pickle.loads`) and knows pickles only; which formats there are, and where their bytes lie, the caller of Decode
// knows.
#pragma once

#include <cstdint>

#include "sandbox/base/error.h"
#include "sandbox/pickle/graph.h"

namespace airlock::pickle {

// What a loader takes: torch.load any checkpoint, pickle.loads a pickle.
enum class Loader : uint8_t { kTorch, kPickle };

class Streams {
 public:
  virtual ~Streams() = default;

  // The root of the stream that `bytes` (kBytes or kByteArray) holds, decoded one level deeper into the same Context.
  // kNoNode where they hold none that decodes in full: then nobody knows what the loader would do with them. An error
  // ends the load (a limit). `offset` is that of the opcode.
  virtual Result<NodeId> Load(NodeId bytes, Loader loader, uint64_t offset) = 0;
};

}  // namespace airlock::pickle
