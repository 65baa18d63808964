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
  // Of a text in WTF-8. JSON has two surrogates for one letter, so a text that has them as two would be read as
  // another.
  ClientResult<void> Use(std::string_view text) {
    if (HasPairOfSurrogates(text)) {
      return Unexpected{
          MakeError(v1::REASON_UNSUPPORTED_FEATURE, "a text with a pair of surrogates has no form in JSON")};
    }
    return Use(Letters(text));
  }

  // U+D800 to U+DBFF before U+DC00 to U+DFFF, each in three bytes of its own.
  static bool HasPairOfSurrogates(std::string_view text) {
    for (size_t at = text.find('\xed'); at != std::string_view::npos; at = text.find('\xed', at + 1)) {
      const auto second = [&](size_t i) { return i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U; };
      const bool high = (second(at) & 0xf0U) == 0xa0;
      if (high && at + 3 < text.size() && text[at + 3] == '\xed' && (second(at + 3) & 0xf0U) == 0xb0) return true;
    }
    return false;
  }

  static uint64_t Letters(std::string_view text) {
    return static_cast<uint64_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  }

 private:
  uint64_t most_;
  uint64_t left_;
};

}  // namespace airlock::cli
