#include "sandbox/base/words.h"

#include <gtest/gtest.h>

#include <string>

namespace airlock {
namespace {

// A word with one byte of interest, in each place, among others.
uint64_t WordWith(uint8_t byte, int place, uint8_t others) {
  const int shift = 8 * place;
  return (EightOf(others) & ~(uint64_t{0xFF} << shift)) | uint64_t{byte} << shift;
}

TEST(Words, SayWhatAnyByteIs) {
  for (int byte = 0; byte < 256; ++byte) {
    for (int place = 0; place < 8; ++place) {
      const uint64_t word = WordWith(static_cast<uint8_t>(byte), place, 'm');
      EXPECT_EQ(AnyHigh(word) != 0, byte >= 0x80) << byte;
      EXPECT_EQ(AnyBelow(word, 0x20) != 0, byte < 0x20) << byte;
      EXPECT_EQ(AnyEqual(word, '\\') != 0, byte == '\\') << byte;
      EXPECT_EQ(AnyEqual(word, 0x7F) != 0, byte == 0x7F) << byte;
      // Beside what is high, too.
      const uint64_t wide = WordWith(static_cast<uint8_t>(byte), place, 0xFF);
      EXPECT_EQ(AnyBelow(wide, 0x20) != 0, byte < 0x20) << byte;
      EXPECT_EQ(AnyEqual(wide, 0x7F) != 0, byte == 0x7F) << byte;
    }
  }
}

TEST(Words, LowerEachLetterAndNothingElse) {
  for (int byte = 0; byte < 256; ++byte) {
    const int lower = byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte;
    for (int place = 0; place < 8; ++place) {
      EXPECT_EQ(LowerOfEight(WordWith(static_cast<uint8_t>(byte), place, 0xFF)),
                WordWith(static_cast<uint8_t>(lower), place, 0xFF));
      EXPECT_EQ(LowerOfEight(WordWith(static_cast<uint8_t>(byte), place, 'z')),
                WordWith(static_cast<uint8_t>(lower), place, 'z'));
    }
  }
}

TEST(Words, AreAllOfATextAndTheFillBehindIt) {
  const std::string text = "abcdefghijklmnopqrs";
  for (size_t length = 0; length <= text.size(); ++length) {
    std::string seen;
    ForEachEight(std::string_view(text).substr(0, length), '.',
                 [&](uint64_t word) { seen.append(reinterpret_cast<const char*>(&word), sizeof(word)); });
    EXPECT_EQ(seen, text.substr(0, length) + std::string((8 - length % 8) % 8, '.'));
  }
}

}  // namespace
}  // namespace airlock
