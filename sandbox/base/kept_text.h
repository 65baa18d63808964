// KeptText: copies of short texts, one behind the other in blocks that never move. For names by the hundred thousand:
// an allocation for each would cost as much as reading them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace airlock {

// Not thread-safe.
class KeptText {
 public:
  // Valid as long as this is, also when it was moved.
  std::string_view Keep(std::string_view text) {
    if (text.size() > left_) AddBlock(text.size());
    char* const copy = next_;
    std::copy(text.begin(), text.end(), copy);
    next_ += text.size();
    left_ -= text.size();
    return {copy, text.size()};
  }

 private:
  static constexpr size_t kBlockBytes = size_t{64} << 10;

  void AddBlock(size_t least) {
    left_ = std::max(least, kBlockBytes);
    blocks_.push_back(std::unique_ptr<char[]>(new char[left_]));  // not cleared
    next_ = blocks_.back().get();
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace airlock
