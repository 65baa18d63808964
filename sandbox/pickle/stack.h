// The machine's stack: objects, and marks between them. No operation reaches below the topmost mark, as in CPython.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sandbox/pickle/graph.h"

namespace airlock::pickle {

class Stack {
 public:
  // Objects and marks together.
  size_t size() const { return items_.size() + marks_.size(); }
  // Objects above the topmost mark.
  size_t within() const { return items_.size() - fence_; }
  bool has_mark() const { return !marks_.empty(); }
  // Objects in all, below marks too.
  size_t objects() const { return items_.size(); }

  void Push(NodeId node) { items_.push_back(node); }
  void PushMark() {
    marks_.push_back(items_.size());
    fence_ = items_.size();
  }
  // REQUIRES: within() > depth.
  NodeId Top(size_t depth = 0) const { return items_[items_.size() - 1 - depth]; }
  void Drop(size_t count = 1) { items_.resize(items_.size() - count); }
  NodeId Pop() {
    const NodeId node = items_.back();
    items_.pop_back();
    return node;
  }
  void ReplaceTop(NodeId node) { items_.back() = node; }
  // In the place of the top `count` objects. REQUIRES: within() >= count.
  void ReplaceLast(size_t count, NodeId node) {
    if (count == 0) return Push(node);
    const size_t place = items_.size() - count;
    items_[place] = node;
    items_.resize(place + 1);
  }
  // The top `count` objects, lowest first. REQUIRES: within() >= count. Valid until the next Push.
  std::span<const NodeId> Last(size_t count) const { return {items_.data() + items_.size() - count, count}; }

  // Takes the topmost mark away; what stood above it is then the last that many objects. REQUIRES: has_mark().
  size_t PopMark() {
    const size_t count = items_.size() - marks_.back();
    marks_.pop_back();
    fence_ = marks_.empty() ? 0 : marks_.back();
    return count;
  }

 private:
  std::vector<NodeId> items_;
  std::vector<size_t> marks_;
  size_t fence_ = 0;
};

}  // namespace airlock::pickle
