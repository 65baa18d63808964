// What CPython writes is what comes out, in every protocol.
#include <gtest/gtest.h>

#include "tests/unit/pickle/machine_fixture.h"

namespace airlock::pickle {
namespace {

struct Vector {
  int protocol;
  std::string_view hex;
};

constexpr Vector kVectors[] = {
#include "tests/unit/pickle/python_vectors.inc"
};

std::string Unhex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string Repeated(std::string_view text, int count) {
  std::string repeated;
  for (int i = 0; i < count; ++i) repeated += text;
  return repeated;
}

const std::string& Expected() {
  static const std::string expected =
      "{'int': [0, 1, -1, 255, 65536, -2147483648, 2147483648, -9223372036854775808, 0x008000000000000000, "
      "0xc00000000000000000], 'float': [1.5, -0.0, inf], 'text': ['', '" +
      Repeated("x", 300) +
      "', '\\xc3\\xa9\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80', '\\xed\\xa0\\x80', 'back\\slash\\x0aline'], "
      "'bytes': [b'', b'" +
      Repeated("\\x00\\xff", 150) +
      "'], 'array': bytearray(b'ab'), "
      "'tuples': [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], 'set': set(5), 'frozen': frozenset(6), "
      "'const': [None, True, False], 'complex': (1.0+2.0j), 'od': OrderedDict({'k': 1}), 'same': ([1], [1])}";
  return expected;
}

class Protocols : public testing::TestWithParam<Vector> {};

TEST_P(Protocols, LoadAlike) {
  const Load load = LoadBytes(Unhex(GetParam().hex));
  EXPECT_EQ(load.failure, "");
  EXPECT_EQ(load.shown, Expected());
  EXPECT_TRUE(load.context.findings.empty());
}

TEST_P(Protocols, LoadAlikeThroughATinyWindow) {
  const std::string bytes = Unhex(GetParam().hex);
  DrippingSource source(bytes);
  const Load load = LoadFrom(source);
  EXPECT_EQ(load.failure, "");
  EXPECT_EQ(load.shown, Expected());
  EXPECT_TRUE(source.AtEnd());
}

TEST_P(Protocols, KeepSharedObjectsShared) {
  const Load load = LoadBytes(Unhex(GetParam().hex));
  ASSERT_FALSE(load.error);
  const Graph& graph = load.context.graph;
  const auto same = graph.children(graph.children(load.root).back());
  EXPECT_EQ(same[0], same[1]);
}

TEST_P(Protocols, FailWhereverTheyAreCut) {
  const std::string bytes = Unhex(GetParam().hex);
  for (size_t length = 0; length < bytes.size(); ++length) {
    const Load load = LoadBytes(std::string_view(bytes).substr(0, length));
    ASSERT_TRUE(load.error) << length;
    ASSERT_TRUE(load.error->reason == Reason::kTruncated || load.error->reason == Reason::kPickleMalformed) << length;
  }
}

TEST_P(Protocols, EndWithAnAnswerWhateverByteIsChanged) {
  std::string bytes = Unhex(GetParam().hex);
  for (size_t at = 0; at < bytes.size(); ++at) {
    const char old = bytes[at];
    bytes[at] = static_cast<char>(old ^ (at % 2 == 0 ? 0x01 : 0x80));
    const Load load = LoadBytes(bytes);
    ASSERT_EQ(load.error.has_value(), load.root == kNoNode) << at;
    bytes[at] = old;
  }
}

INSTANTIATE_TEST_SUITE_P(Python, Protocols, testing::ValuesIn(kVectors),
                         [](const auto& row) { return "Protocol" + std::to_string(row.param.protocol); });

}  // namespace
}  // namespace airlock::pickle
