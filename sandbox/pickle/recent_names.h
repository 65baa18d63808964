// RecentNames: the names that a stream has used last, as they stand in it. A file whose writer kept no memo names the
// same few classes for each of its tensors, in turn: the next is found by one comparison, without looking for the ends
// of its lines.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/pickle/graph.h"

namespace airlock::pickle {

class RecentNames {
 public:
  struct Name {
    std::string lines;  // module and name, each with its newline: no other name begins with them
    uint32_t symbol;
    NodeId node;
  };

  // The name that `stream` goes on with; nullptr where it is none of these. Valid until the next Keep.
  const Name* Find(std::string_view stream) {
    for (size_t i = 0; i < names_.size(); ++i) {
      const size_t at = likely_ + i < names_.size() ? likely_ + i : likely_ + i - names_.size();
      if (!stream.starts_with(names_[at].lines)) continue;
      likely_ = at + 1 < names_.size() ? at + 1 : 0;
      return &names_[at];
    }
    return nullptr;
  }
  // In the place of the oldest, where there are too many; once, also where the end of a window keeps one from being
  // found. REQUIRES: no newlines in `module` and `name`.
  void Keep(std::string_view module, std::string_view name, uint32_t symbol, NodeId node) {
    if (std::ranges::find(names_, symbol, &Name::symbol) != names_.end()) return;
    if (names_.size() < kMost) names_.emplace_back();
    Name& kept = names_[oldest_];
    kept.lines.assign(module).append(1, '\n').append(name).append(1, '\n');
    kept.symbol = symbol;
    kept.node = node;
    oldest_ = (oldest_ + 1) % kMost;
  }

 private:
  // A hostile stream has all of them compared each time.
  static constexpr size_t kMost = 8;

  std::vector<Name> names_;
  size_t likely_ = 0;  // the one behind the last that was found
  size_t oldest_ = 0;
};

}  // namespace airlock::pickle
