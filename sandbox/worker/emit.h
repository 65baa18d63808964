// Emit: one decoded checkpoint as the frames that the broker reads: PLAN frames of at most 60 KiB, then DONE.
//
// Only what the root reaches goes out: the root is node 0, all others follow in the order in which they were made;
// storages ascending, tensors in the order in which a depth-first walk reaches them. Symbols and findings go out
// always, after an error too. Bytes that a node names in the input are read here, a piece at a time.
#pragma once

#include <cstddef>
#include <span>

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/input.h"

namespace airlock::worker {

// Bytes before a frame that its length goes to.
inline constexpr size_t kFramePrefix = 4;

class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // One encoded airlock.worker.v1.Frame behind kFramePrefix bytes, which are the sink's to fill. False where nobody
  // takes it any more.
  virtual bool Write(std::span<char> framed) = 0;
};

// `decoded` is what formats::Decode said of `input`. False as soon as the sink says so.
bool Emit(const formats::Checkpoint& checkpoint, const formats::Input& input, Result<void> decoded, FrameSink& sink);

}  // namespace airlock::worker
