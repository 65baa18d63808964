// The memo: objects by number. Writers number from 0 up, so a vector holds the dense part; a number far beyond it goes
// to a tree, so that PUT 4294967295 costs one entry and not 16 GiB.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "sandbox/base/growing_array.h"
#include "sandbox/pickle/graph.h"

namespace airlock::pickle {

class Memo {
 public:
  // Distinct numbers in use: the number that MEMOIZE takes next.
  size_t count() const { return count_; }

  void Put(uint64_t key, NodeId node) {
    // The usual case: the number that comes next.
    if (key == dense_.size() && sparse_.empty() && key <= Room()) {
      dense_.push_back(node);
      ++count_;
      return;
    }
    if (key < dense_.size() && dense_[key] != kNoNode) {
      dense_[key] = node;
      return;
    }
    if (const auto entry = sparse_.find(key); entry != sparse_.end()) {
      entry->second = node;
      return;
    }
    if (key < dense_.size() || Extend(key)) {
      dense_[key] = node;
    } else {
      sparse_.emplace(key, node);
    }
    ++count_;
  }

  // kNoNode where there is none.
  NodeId Get(uint64_t key) const {
    if (key < dense_.size() && dense_[key] != kNoNode) return dense_[key];
    const auto entry = sparse_.find(key);
    return entry == sparse_.end() ? kNoNode : entry->second;
  }

 private:
  // The last number for which the array may be made longer.
  uint64_t Room() const { return 1024 + 4 * static_cast<uint64_t>(count_); }
  // Whether the array now has room for `key`: it may hold a few times as many slots as there are entries.
  bool Extend(uint64_t key) {
    if (key > Room()) return false;
    // As far as the number, and no further: what is written is a page that the process must be given.
    const auto fresh = static_cast<size_t>(key + 1 - dense_.size());
    std::fill_n(dense_.Extend(fresh), fresh, kNoNode);
    return true;
  }

  GrowingArray<NodeId> dense_;
  std::map<uint64_t, NodeId> sparse_;
  size_t count_ = 0;
};

}  // namespace airlock::pickle
