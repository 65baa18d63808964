// RecordForm: how the metadata tree shows records of Python's own classes, shorter than records in general: a date as
// people write it, a Counter as its pairs. Only for records in the normal form that graph.proto speaks of, with nothing
// besides; others stay as they are.
#pragma once

#include <optional>
#include <string>

#include "airlock/checkpoint.h"

namespace airlock::cli {

struct RecordForm {
  // "$path", "$counter"
  const char* key = nullptr;
  // What stands under the key: text; or a node; or, where there is neither, nothing yet in a list or a mapping.
  std::optional<std::string> text;
  std::optional<NodeId> node;
  bool sequence = false;
  // A second key, where `more` is there.
  const char* more_key = nullptr;
  std::optional<NodeId> more;
};

std::optional<RecordForm> FormOf(const Contents& contents, NodeId record);

}  // namespace airlock::cli
