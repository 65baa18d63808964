// One fuzz input as a file, or as a set of files: decoded in this process under small limits, and written as the worker
// would write it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "sandbox/formats/checkpoint.h"
#include "sandbox/worker/emit.h"
#include "tests/fixtures/memory_file.h"
#include "tests/fixtures/memory_graph.h"

namespace airlock::fuzz {

class NoSink final : public worker::FrameSink {
 public:
  bool Write(std::span<char> framed) override {
    if (framed.size() <= worker::kFramePrefix) __builtin_trap();
    return true;
  }
};

inline void DecodeInput(const formats::Input& input) {
  const Fd output_file = fixtures::MemoryFile("");
  formats::Output output(output_file.get(), uint64_t{1} << 20, true);
  formats::Checkpoint checkpoint;
  checkpoint.context.limits.nodes = 1'000'000;
  checkpoint.context.limits.opcodes = 1'000'000;
  checkpoint.context.limits.string_bytes = uint64_t{1} << 24;
  Result<void> result = formats::Decode(input, output, checkpoint);
  const bool decoded = result.ok();
  NoSink frames;
  fixtures::MemoryGraph graph;
  if (!worker::Emit(checkpoint, input, std::move(result), {frames, graph})) __builtin_trap();
  if (!decoded) return;
  // What decodes is sound: every span lies in its file.
  for (const tensors::Storage& storage : checkpoint.tables.storages()) {
    const bool in_input = storage.place == tensors::Place::kInput;
    if (in_input && (storage.offset > input.size() || storage.nbytes > input.size() - storage.offset)) __builtin_trap();
  }
}

inline void DecodeBytes(std::span<const uint8_t> bytes) {
  const Fd file = fixtures::MemoryFile({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  DecodeInput(formats::Input(file.get(), bytes.size()));
}

}  // namespace airlock::fuzz
