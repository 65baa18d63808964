// Decode: one untrusted file in, one checkpoint out. The entry to the decoders; the worker calls it once and dies.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/formats/input.h"
#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/tables.h"

namespace airlock::formats {

// Numbers of airlock.v1.Format (a test compares).
enum class Format : uint8_t {
  kUnknown = 0,
  kTorchZip = 1,
  kTorchLegacy = 2,
  kSafetensors = 3,
  kTorchTar = 4,
  kTorchScript = 5,
  kPickle = 6,
  kJoblib = 7,
  kNpy = 8,
  kNpz = 9,
  kGguf = 10,
  kTorchExport = 11,
  kZipOfCheckpoints = 12,
  kTorchDcp = 13,
  kTorchPackage = 14,
  kSharded = 20,
};

// A stream in a byte string of a checkpoint, which was decoded too.
struct NestedStream {
  std::string where;
  Format format = Format::kUnknown;
  uint32_t level = 0;
};

// What a load yields. On an error it holds what was learnt so far: the format, the symbols, the findings.
struct Checkpoint {
  Format format = Format::kUnknown;
  pickle::Context context;
  tensors::Tables tables;
  pickle::NodeId root = pickle::kNoNode;
  // Roots of what was read beside it and does not go out: what describes a set, and the shards that it picks from.
  std::vector<pickle::NodeId> read_roots;
  // Of nested streams: 0 for the file itself.
  uint32_t level = 0;
  // How many checkpoints, one in the other, have the one that is being read as a part (part.h).
  uint32_t parts = 0;
  // The first of them; there may be one for each tensor.
  std::vector<NestedStream> nested;
  uint64_t nested_left_out = 0;
  // What is to be inflated or swapped was left to others (Output::Offer).
  bool held_back = false;
};

// Fails where so many levels of nesting are more than the limit, or than this program nests calls, whatever the limit.
Result<void> CheckLevel(const Limits& limits, uint32_t level);

// Recognises the format by content and decodes. `checkpoint.context.limits` must be set; the rest must be empty.
// With `member`, not the file but the member of that name in its zip archive (zip_of_checkpoints.h). Of an input that
// is a set, what its files are together, or one of them (set.h).
Result<void> Decode(const Input& input, Output& output, Checkpoint& checkpoint, std::string_view member = {});

// The same without what Decode does once for the file as a whole: for what stands inside it.
Result<void> Read(const Input& input, Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
