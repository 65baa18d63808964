// DcpItems: the archives that stand one after the other in the files of a distributed checkpoint, each decoded once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/dcp_metadata.h"
#include "sandbox/formats/file_set.h"

namespace airlock::formats {

// Borrows all that it is given. Not thread-safe.
class DcpItems {
 public:
  DcpItems(const Input& input, const DcpMetadata& metadata, Output& output, Checkpoint& checkpoint)
      : input_(input), metadata_(metadata), output_(output), checkpoint_(checkpoint) {}

  // Before anything is decoded: each item lies in its file, and no two share a byte but those that are the same. Bytes
  // of the files that belong to none are told of: nobody judged them (strangers.h).
  Result<void> CheckLayout();
  // The object in the item of this key, which is part of `name`. Fails as kSetMalformed where there is no such item.
  Result<pickle::NodeId> Decode(const std::string& key, const std::string& name);
  // At the end: items that nobody asked for are told of in the same way.
  void NoteUnused();

 private:
  // Start in the whole, and length.
  using Range = std::pair<uint64_t, uint64_t>;

  Result<Range> Place(const DcpItem& item);
  void NoteGaps();
  void NoteStranger(const Range& range);

  const Input& input_;
  const DcpMetadata& metadata_;
  Output& output_;
  Checkpoint& checkpoint_;
  // kNoNode: not decoded yet.
  std::map<Range, pickle::NodeId> roots_;
};

}  // namespace airlock::formats
