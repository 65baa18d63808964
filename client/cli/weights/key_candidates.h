// What --key could be, where it is not clear which part of a checkpoint holds its weights.
#pragma once

#include <string>
#include <vector>

#include "airlock/checkpoint.h"

namespace airlock::cli {

struct KeyCandidates {
  // Dotted paths that --key takes, those of few parts first.
  std::vector<std::string> paths;
  // There are others.
  bool more = false;
  // There are tensors, under whatever path.
  bool tensors = false;
};

// The keys of the root under which there are tensors, then the containers further down that hold tensors themselves.
KeyCandidates FindKeyCandidates(const Contents& contents);

}  // namespace airlock::cli
