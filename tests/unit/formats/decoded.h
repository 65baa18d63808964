// Decoded: a file in memory, decoded in this process, with what the tests ask of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/formats/checkpoint.h"
#include "tests/fixtures/memory_file.h"

namespace airlock::formats {

struct Decoded {
  Fd input;
  Fd output;
  uint64_t input_size = 0;
  Checkpoint checkpoint;
  Result<void> result;

  bool ok() const { return result.ok(); }
  // Of the error; 0 where there is none.
  Reason reason() const { return result.ok() ? Reason{} : result.error().reason; }
  std::string message() const { return result.ok() ? "" : result.error().message; }
  bool HasFinding(std::string_view id) const {
    for (const pickle::Finding& finding : checkpoint.context.findings) {
      if (finding.id == id) return true;
    }
    return false;
  }
  // Findings that are more than notes.
  size_t Warnings() const {
    size_t count = 0;
    for (const pickle::Finding& finding : checkpoint.context.findings) {
      if (finding.severity != pickle::Severity::kNote) ++count;
    }
    return count;
  }
};

// With an input and an output, not decoded yet.
inline Decoded Undecoded(std::string_view bytes, const Limits& limits) {
  Decoded decoded{.input = fixtures::MemoryFile(bytes),
                  .output = fixtures::MemoryFile(""),
                  .input_size = bytes.size(),
                  .checkpoint = {},
                  .result = {}};
  decoded.checkpoint.context.limits = limits;
  return decoded;
}

inline Decoded DecodeBytes(std::string_view bytes, const Limits& limits = {}, bool dry = false) {
  Decoded decoded = Undecoded(bytes, limits);
  const Input input(decoded.input.get(), bytes.size());
  Output output(decoded.output.get(), uint64_t{1} << 24, dry);
  decoded.result = Decode(input, output, decoded.checkpoint);
  return decoded;
}

}  // namespace airlock::formats
