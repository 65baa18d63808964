// Blocks of memory whose pages are there before anybody needs them.
//
// A page that is touched for the first time costs about as much as all that is then written to it, and more where the
// host of a virtual machine has to find it. A worker waits before it works, and can do that while nobody waits for it.
// An array that becomes large (growing_array.h) moves into such a block. Elsewhere nothing is warmed, and none is
// found.
//
// Not thread-safe: a worker has one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <span>
#include <utility>

namespace airlock {

// Makes the pages be there, but for a last one of which `memory` has only some bytes. What they held is lost.
inline void TouchPages(std::span<char> memory) {
  constexpr size_t kPage = 4096;
  for (size_t at = 0; at < memory.size(); at += kPage) *static_cast<volatile char*>(&memory[at]) = 0;
}

class WarmBlocks {
 public:
  // Touches some pages of a block. False once all blocks are warm, or where there is no memory for another.
  bool WarmNext() {
    if (warm_ == kBytes.size()) return false;
    char*& block = blocks_[warm_];
    if (block == nullptr) block = static_cast<char*>(std::malloc(kBytes[warm_]));
    if (block == nullptr) return false;
    const size_t some = std::min(kStep, kBytes[warm_] - touched_);
    TouchPages({block + touched_, some});
    touched_ += some;
    if (touched_ == kBytes[warm_]) {
      ++warm_;
      touched_ = 0;
    }
    return true;
  }

  // A warm block with room for so many bytes, to be freed by std::free. Empty where there is none.
  std::span<char> Take(size_t bytes) {
    if (taken_ == warm_ || bytes > kBytes[taken_]) return {};
    const size_t block = taken_++;
    return {std::exchange(blocks_[block], nullptr), kBytes[block]};
  }

 private:
  // Less than a millisecond's worth.
  static constexpr size_t kStep = size_t{256} << 10;
  // In the order in which they are given out: what becomes large first becomes largest. All of them and the program's
  // own pages are less than the 16 MiB that any worker may have.
  static constexpr std::array kBytes = {size_t{4} << 20, size_t{4} << 20, size_t{2} << 20};

  std::array<char*, kBytes.size()> blocks_{};
  size_t warm_ = 0;     // blocks
  size_t touched_ = 0;  // bytes of the next one
  size_t taken_ = 0;    // blocks, of the warm ones
};

// Of this process.
inline constinit WarmBlocks warm_blocks;

}  // namespace airlock
