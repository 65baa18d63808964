// Part: a checkpoint inside the file: a member of an archive, stored or deflated, or a file of a set.
#pragma once

#include <cstdint>
#include <string_view>

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/zip_member.h"

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

// Decodes bytes [offset, offset + length) of `input` as a file of their own, into the graph and tables of `checkpoint`
// and under the same budget. Its own format and root stay as they are. What is said of places (spans, findings, errors)
// is in offsets of `input`. REQUIRES: SpanFits(offset, length, input.size()).
Result<Part> DecodePart(const Input& input, uint64_t offset, uint64_t length, const PartOptions& options,
                        Output& output, Checkpoint& checkpoint);

// The same of a member of the archive `input`, stored or deflated. Of a deflated one places are offsets of what it
// inflates to. `name` stands before each place that is told; it may be empty.
Result<Part> DecodePart(const Input& input, const ZipMember& member, std::string_view name, Output& output,
                        Checkpoint& checkpoint);

}  // namespace airlock::formats
