// BySymbol: what was found out of a symbol once. Streams ask for the same symbol again and again, so the last answer is
// at hand. A table by number would cost each of many streams as much as all of them name.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

namespace airlock::tensors {

// Not thread-safe.
template <typename T>
class BySymbol {
 public:
  // `find()` is asked where the symbol is a new one.
  template <typename Find>
  T Of(uint32_t symbol, Find find) {
    if (last_symbol_ == symbol) return last_;
    const auto known = found_.find(symbol);
    last_ = known != found_.end() ? known->second : found_.emplace(symbol, find()).first->second;
    last_symbol_ = symbol;
    return last_;
  }

 private:
  std::unordered_map<uint32_t, T> found_;
  std::optional<uint32_t> last_symbol_;
  T last_ = {};
};

}  // namespace airlock::tensors
