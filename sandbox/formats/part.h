// Part: a checkpoint that stands in the file byte for byte, such as a stored member of an archive, or in a set of
// files.
#pragma once

#include <cstdint>
#include <string_view>

#include "sandbox/formats/checkpoint.h"

namespace airlock::formats {

struct Part {
  Format format = Format::kUnknown;
  pickle::NodeId root = pickle::kNoNode;
};

struct PartOptions {
  // Stands before each place that is told. May be empty.
  std::string_view name;
  // Not empty: the member of this name in the part, which is an archive.
  std::string_view member = {};
  // Archives of checkpoints in the part are refused.
  bool in_archive = true;
};

// Decodes bytes [offset, offset + length) of `input` as a file of their own, one level deeper, into the graph and
// tables of `checkpoint` and under the same budget. Its own format and root stay as they are. What is said of places
// (spans, findings, errors) is in offsets of `input`. REQUIRES: SpanFits(offset, length, input.size()).
Result<Part> DecodePart(const Input& input, uint64_t offset, uint64_t length, const PartOptions& options,
                        Output& output, Checkpoint& checkpoint);

}  // namespace airlock::formats
