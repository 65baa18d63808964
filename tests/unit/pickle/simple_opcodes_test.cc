// The loop of the simple opcodes and the loop of all of them do the same. A source that drips never has enough in its
// window for the first: what one stream comes to both ways must be one thing.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/unit/pickle/machine_fixture.h"

namespace airlock::pickle {
namespace {

// All that a load comes to.
std::string Outcome(const Load& load) {
  std::string outcome = load.shown + "|" + load.failure + "|" + std::to_string(load.context.graph.size()) + "|" +
                        std::to_string(load.context.opcodes) + "|" + std::to_string(load.context.findings.size());
  if (load.error) {
    outcome += "|" + std::to_string(static_cast<int>(load.error->reason)) + "@" +
               std::to_string(load.error->offset.value_or(UINT64_MAX));
    if (load.error->limit) outcome += "|" + std::to_string(load.error->limit->seen);
  }
  return outcome;
}

void ExpectSame(std::string_view bytes, const Limits& limits = {}) {
  DrippingSource dripping(bytes);
  EXPECT_EQ(Outcome(LoadBytes(bytes, limits)), Outcome(LoadFrom(dripping, limits)))
      << "the stream: " << testing::PrintToString(bytes);
}

// Every simple opcode, with arguments that are usual and some that are not, and a few of the others.
const std::vector<std::string>& Pieces() {
  static const std::vector<std::string> kPieces = {"("s,
                                                   "("s,
                                                   "}"s,
                                                   "]"s,
                                                   ")"s,
                                                   "N"s,
                                                   "\x88"s,
                                                   "\x89"s,
                                                   "h\0"s,
                                                   "h\1"s,
                                                   "h\xff"s,
                                                   "j\1\0\0\0"s,
                                                   "j\0\0\0\x80"s,
                                                   "q\0"s,
                                                   "q\1"s,
                                                   "q\xff"s,
                                                   "r\2\0\0\0"s,
                                                   "r\xff\xff\xff\xff"s,
                                                   "\x94"s,
                                                   "K\0"s,
                                                   "K\xff"s,
                                                   "M\0\1"s,
                                                   "M\xff\xff"s,
                                                   "J\0\0\0\x80"s,
                                                   "J\1\0\0\0"s,
                                                   "J\xff\xff\xff\xff"s,
                                                   "G\x3f\xf8\0\0\0\0\0\0"s,
                                                   "G\x7f\xf0\0\0\0\0\0\0"s,
                                                   "\x8a\0"s,
                                                   "\x8a\1\xff"s,
                                                   "\x8a\2\0\x80"s,
                                                   "\x8a\x08\0\0\0\0\0\0\0\x80"s,
                                                   "\x8a\x09\1\2\3\4\5\6\7\x08\x09"s,
                                                   "\x8a\3\0\0\0"s,
                                                   "X\0\0\0\0"s,
                                                   "X\3\0\0\0abc"s,
                                                   "X\2\0\0\0\xc3\xa9"s,
                                                   "X\1\0\0\0\xff"s,
                                                   "X\3\0\0\0\xed\xa0\x80"s,
                                                   "\x8c\0"s,
                                                   "\x8c\2xy"s,
                                                   "\x8c\1\x80"s,
                                                   "\x85"s,
                                                   "\x86"s,
                                                   "\x87"s,
                                                   "t"s,
                                                   "l"s,
                                                   "d"s,
                                                   "u"s,
                                                   "e"s,
                                                   "s"s,
                                                   "a"s,
                                                   "0"s,
                                                   "1"s,
                                                   "2"s,
                                                   "\x80\2"s,
                                                   "I7\n"s,
                                                   "U\1z"s,
                                                   "C\1z"s,
                                                   "c__main__\nf\n"s,
                                                   "R"s,
                                                   "b"s,
                                                   "\x8f"s,
                                                   "\x90"s,
                                                   "\x95\5\0\0\0\0\0\0\0"s,
                                                   "\x95\x10\0\0\0\0\0\0\0"s};
  return kPieces;
}

std::string RandomStream(std::mt19937_64& random, bool lines = true) {
  const auto& pieces = Pieces();
  std::string stream;
  for (size_t left = random() % 40; left > 0; --left) {
    const std::string& piece = pieces[random() % pieces.size()];
    if (!lines && piece.ends_with('\n')) continue;
    // One piece again and again is what the loop is for.
    for (size_t times = random() % 4 == 0 ? random() % 8 : 1; times > 0; --times) stream += piece;
  }
  return stream + ".";
}

TEST(SimpleOpcodes, DoAsTheOthersDo) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) ExpectSame(RandomStream(random));
}

TEST(SimpleOpcodes, EndWhereTheStreamDoes) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 200; ++i) {
    const std::string stream = RandomStream(random);
    for (size_t length = 0; length < stream.size(); ++length) ExpectSame(stream.substr(0, length));
  }
}

TEST(SimpleOpcodes, ReachEachLimitAtTheSameOpcode) {
  constexpr uint64_t Limits::*kLimits[] = {&Limits::opcodes, &Limits::nodes,        &Limits::stack,
                                           &Limits::memo,    &Limits::string_bytes, &Limits::integer_bytes};
  std::mt19937_64 random(3);
  for (int i = 0; i < 500; ++i) {
    // Of a line only what crosses the window's end is held against the limit of texts before it is one.
    const std::string stream = RandomStream(random, false);
    for (const auto limit : kLimits) {
      for (const uint64_t value : {0, 1, 3, 7, 8, 20}) {
        Limits limits;
        limits.*limit = value;
        ExpectSame(stream, limits);
      }
    }
  }
}

TEST(SimpleOpcodes, KeepWithinTheirFrame) {
  const std::string simple = "K\1K\2K\3K\4K\5K\6K\7K\x08K\x09K\x0aK\x0bK\x0c"s;
  for (char length = 0; length < 30; ++length) {
    const std::string frame = "\x95"s + length + "\0\0\0\0\0\0\0"s;
    ExpectSame("("s + frame + simple + "t."s);
    ExpectSame(frame + "("s + simple + "G\x3f\xf8\0\0\0\0\0\0"s + "t."s);
  }
}

TEST(SimpleOpcodes, AreManyInARow) {
  std::string stream = "]("s;
  for (int i = 0; i < 100'000; ++i) stream += i % 2 == 0 ? "J\xc0\xd0\xe0\xf0"s : "G\x40\x09\x21\xfb\x54\x44\x2d\x18"s;
  stream += "e."s;
  const Load load = LoadBytes(stream);
  ASSERT_EQ(load.failure, "");
  const auto items = load.context.graph.children(load.root);
  ASSERT_EQ(items.size(), 100'000U);
  EXPECT_EQ(load.context.graph.integer(items[99'998]), int32_t{-253'701'952});
  EXPECT_EQ(load.context.graph.real(items[99'999]), 3.141592653589793);
  EXPECT_EQ(load.context.opcodes, 100'004U);
  ExpectSame(stream);
}

}  // namespace
}  // namespace airlock::pickle
