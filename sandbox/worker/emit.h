// Emit: one decoded checkpoint as the broker reads it: the columns of its value graph in the graph file, all else in
// PLAN frames of at most 60 KiB, then DONE.
//
// Only what the root reaches goes out: the root is node 0, all others follow in the order in which they were made;
// storages ascending, tensors in the order in which a depth-first walk reaches them. Symbols and findings go out
// always, after an error too. Bytes that a node names in the input are read here, a piece at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sandbox/base/graph_file.h"
#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/input.h"

namespace airlock::worker {

// Bytes before a frame that its length goes to.
inline constexpr size_t kFramePrefix = 4;

// Of each column of a graph.
using GraphBytes = std::array<uint64_t, kGraphColumns>;

class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // One encoded airlock.worker.v1.Frame behind kFramePrefix bytes, which are the sink's to fill. False where nobody
  // takes it any more.
  virtual bool Write(std::span<char> framed) = 0;
};

class GraphSink {
 public:
  // `room`: bytes of each column at most.
  explicit GraphSink(uint64_t room) : room_(room) {}
  GraphSink(const GraphSink&) = delete;
  GraphSink& operator=(const GraphSink&) = delete;
  virtual ~GraphSink() = default;

  uint64_t room() const { return room_; }
  // Bytes of column number `column`, in the order of GraphColumns, from its byte `offset` on: where the last ones
  // ended, and within the room. False where they find no place.
  virtual bool Write(size_t column, uint64_t offset, std::string_view bytes) = 0;

 private:
  const uint64_t room_;
};

// Where a checkpoint goes. Both are borrowed.
struct Sinks {
  FrameSink& frames;
  GraphSink& graph;
};

// `decoded` is what formats::Decode said of `input`. A graph that finds no place is told as the limit `memory_bytes`.
// False as soon as the sink of the frames says so.
bool Emit(const formats::Checkpoint& checkpoint, const formats::Input& input, Result<void> decoded, const Sinks& sinks);

}  // namespace airlock::worker
