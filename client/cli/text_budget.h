// TextBudget: how many letters a training state may have, all strings together, as often as they are written: one
// string of a file can stand in a million places.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "airlock/error.h"

namespace airlock::cli {

class TextBudget {
 public:
  static constexpr uint64_t kLetters = 256 << 20;

  explicit TextBudget(uint64_t letters = kLetters) : most_(letters), left_(letters) {}

  ClientResult<void> Use(uint64_t letters) {
    if (letters > left_) {
      return Unexpected{MakeError(v1::REASON_LIMIT_EXCEEDED,
                                  "the training state has more than " + std::to_string(most_) + " letters of text")};
    }
    left_ -= letters;
    return {};
  }
  // Of a text in UTF-8.
  ClientResult<void> Use(std::string_view text) { return Use(Letters(text)); }

  static uint64_t Letters(std::string_view text) {
    return static_cast<uint64_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  }

 private:
  uint64_t most_;
  uint64_t left_;
};

}  // namespace airlock::cli
