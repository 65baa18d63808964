// PoolDemand: how many workers should wait ready. It grows when somebody found none, up to a cap, and shrinks again by
// those that nobody has needed for a while. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>

namespace airlock::server {

class PoolDemand {
 public:
  // REQUIRES: least <= most.
  PoolDemand(size_t least, size_t most) : least_(least), most_(most), target_(least), unused_(least) {}

  size_t target() const { return target_; }

  // Somebody took one and left so many.
  void Taken(size_t left) { unused_ = std::min(unused_, left); }
  // Somebody found none.
  void Missed() {
    unused_ = 0;
    target_ = std::min(most_, target_ * 2);
  }
  // A while has passed: lets go of half of those that were never needed in it.
  void Pass() {
    target_ = std::max(least_, target_ - std::min(target_, (unused_ + 1) / 2));
    unused_ = target_;
  }

 private:
  const size_t least_;
  const size_t most_;
  size_t target_;
  // The fewest that were left at any time since the last Pass.
  size_t unused_;
};

}  // namespace airlock::server
