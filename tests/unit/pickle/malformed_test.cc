// Streams that are refused, and what is said of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/pickle/machine_fixture.h"

namespace airlock::pickle {
namespace {

struct Row {
  std::string_view bytes;
  std::string_view message;  // part of it
  uint64_t offset;
};

constexpr Row kRows[] = {
    {"."sv, "STOP: too few objects", 0},
    {"N(."sv, "STOP: too few objects", 2},
    {"0."sv, "POP: too few", 0},
    {"1."sv, "POP_MARK: no mark", 0},
    {"2."sv, "DUP: too few", 0},
    {"K\x01(2."sv, "DUP: too few", 3},
    {"t."sv, "TUPLE: no mark", 0},
    {"l."sv, "LIST: no mark", 0},
    {"(Nd."sv, "DICT: a key without a value", 2},
    {"d."sv, "DICT: no mark", 0},
    {"\x91."sv, "FROZENSET: no mark", 0},
    {"\x85."sv, "TUPLE1: too few", 0},
    {"N\x86."sv, "TUPLE2: too few", 1},
    {"N(N\x86."sv, "TUPLE2: too few", 3},
    {"NN\x87."sv, "TUPLE3: too few", 2},
    {"N(a."sv, "APPEND: too few", 2},
    {"Na."sv, "APPEND: too few", 1},
    {"e."sv, "APPENDS: no mark", 0},
    {"(Ne."sv, "APPENDS: too few", 2},
    {"}Na."sv, "APPEND: a dict takes no items", 2},
    {")Na."sv, "APPEND: a tuple takes no items", 2},
    {"ctorch._utils\n_rebuild_tensor_v2\n)RNNs."sv, "SETITEM: a tensor takes no keys", 37},
    {"](NNu."sv, "SETITEMS: a list takes no keys", 4},
    {"}(Nu."sv, "SETITEMS: a key without a value", 3},
    {"u."sv, "SETITEMS: no mark", 0},
    {"}Ns."sv, "SETITEM: too few", 2},
    {"}]Ns."sv, "SETITEM: a list cannot be a key", 3},
    {"}}Ns."sv, "SETITEM: a dict cannot be a key", 3},
    {"}\x8fNs."sv, "SETITEM: a set cannot be a key", 3},
    {"}]\x85Ns."sv, "SETITEM: a tuple cannot be a key", 4},
    {"}]\x85\x85Ns."sv, "SETITEM: a tuple cannot be a key", 5},
    {"(]\x91."sv, "FROZENSET: a list cannot be", 2},
    {"(]Nd."sv, "DICT: a list cannot be", 3},
    {"\x8f(]\x90."sv, "ADDITEMS: a list cannot be", 3},
    {"\x8f(\x96\0\0\0\0\0\0\0\0\x90."sv, "ADDITEMS: a bytearray cannot be", 11},
    {"](N\x90."sv, "ADDITEMS: a list takes no members", 3},
    {"cbuiltins\nset\n](]e\x85R."sv, "a list cannot be a key or a member", 19},
    {"cm\nn\nN\x81."sv, "NEWOBJ: arguments that are no tuple", 6},
    {"cm\nn\n]R."sv, "REDUCE: arguments that are no tuple", 6},
    {"cm\nn\n)N\x92."sv, "NEWOBJ_EX: keyword arguments that are no dict", 7},
    {"cm\nn\nN}\x92."sv, "NEWOBJ_EX: arguments that are no tuple", 7},
    {")R."sv, "REDUCE: too few", 1},
    {"(o."sv, "OBJ: too few", 1},
    {"o."sv, "OBJ: no mark", 0},
    {"im\nn\n."sv, "INST: no mark", 0},
    {"}}b."sv, "BUILD: a dict has no state", 2},
    {"]}b."sv, "BUILD: a list has no state", 2},
    {"N}b."sv, "BUILD: a None has no state", 2},
    {"}b."sv, "BUILD: too few", 1},
    {"ccollections\nOrderedDict\n)R]b."sv, "BUILD: the state of an OrderedDict is a dict", 28},
    {"h\x07."sv, "BINGET: no memo entry 7", 0},
    {"j\xff\xff\xff\xff."sv, "LONG_BINGET: no memo entry 4294967295", 0},
    {"g7\n."sv, "GET: no memo entry 7", 0},
    {"g-1\n."sv, "GET: not a memo number", 0},
    {"Np\n."sv, "PUT: not a memo number", 1},
    {"Np9223372036854775808\n."sv, "PUT: not a memo number", 1},
    {"q\x01."sv, "BINPUT: too few", 0},
    {"\x94."sv, "MEMOIZE: too few", 0},
    {"I0x1\n."sv, "INT: not a decimal", 0},
    {"I010\n."sv, "INT: not a decimal", 0},
    {"I1L\n."sv, "INT: not a decimal", 0},
    {"I\n."sv, "INT: not a decimal", 0},
    {"I 1\n."sv, "INT: not a decimal", 0},
    {"L1_0L\n."sv, "LONG: not a decimal", 0},
    {"L1LL\n."sv, "LONG: not a decimal", 0},
    {"F1.5x\n."sv, "FLOAT: not a number", 0},
    {"F1e400\n."sv, "FLOAT: not a number", 0},
    {"Fnan(1)\n."sv, "FLOAT: not a number", 0},
    {"F\n."sv, "FLOAT: not a number", 0},
    {"F+-1\n."sv, "FLOAT: not a number", 0},
    {"Sabc\n."sv, "STRING: not a quoted", 0},
    {"S'\n."sv, "STRING: not a quoted", 0},
    {"S'a\\'\n."sv, "STRING: not a quoted", 0},
    {"S'\\x4'\n."sv, "STRING: not a quoted", 0},
    {"V\\u12\n."sv, "UNICODE: a broken", 0},
    {"V\\U00110000\n."sv, "UNICODE: a broken", 0},
    {"X\x01\0\0\0\xff."sv, "BINUNICODE: text that is not UTF-8", 0},
    {"\x8c\x02\xc0\x80."sv, "SHORT_BINUNICODE: text that is not UTF-8", 0},
    {"T\xff\xff\xff\xff"
     "a."sv,
     "BINSTRING: a negative length", 0},
    {"\x8b\xff\xff\xff\xff"
     "a."sv,
     "LONG4: a negative length", 0},
    {"\x80\x06N."sv, "PROTO: protocol 6 is not known", 0},
    {"\x82\x00."sv, "EXT1: extension codes are positive", 0},
    {"\x84\xff\xff\xff\xff."sv, "EXT4: extension codes are positive", 0},
    {"NX\x01\0\0\0a\x93."sv, "STACK_GLOBAL: a name that is not text", 7},
    {"\x93."sv, "STACK_GLOBAL: too few", 0},
    {"c\nn\n."sv, "empty or too long", 0},
    {"P\xff\n."sv, "PERSID: a persistent id that is not ASCII", 0},
    {"Q."sv, "BINPERSID: too few", 0},
    {"K\x01Q."sv, "an odd persistent id", 2},
};

TEST(Malformed, IsRefusedWithItsOffset) {
  for (const Row& row : kRows) {
    const Load load = LoadBytes(row.bytes);
    ASSERT_TRUE(load.error) << testing::PrintToString(row.bytes);
    EXPECT_EQ(load.error->reason, Reason::kPickleMalformed) << testing::PrintToString(row.bytes);
    EXPECT_THAT(load.failure, testing::HasSubstr(std::string(row.message)));
    EXPECT_EQ(load.error->offset, row.offset) << testing::PrintToString(row.bytes) << load.failure;
  }
}

TEST(Malformed, LengthsPastTheEndAreTruncation) {
  for (const auto bytes : {"X\x05\0\0\0a."sv,
                           "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
                           "a."sv,
                           "\x8e\0\0\0\0\0\0\0\x40"
                           "a."sv,
                           "\x96\0\0\0\0\x01\0\0\0a."sv,
                           "\x8b\xff\xff\xff\x7f"
                           "a."sv,
                           "C\x02"
                           "a"sv,
                           "\x95\x09\0\0\0\0\0\0\0N."sv, "J\x01"sv, "cmod\nname"sv, "N"sv, ""sv}) {
    const Load load = LoadBytes(bytes);
    ASSERT_TRUE(load.error) << testing::PrintToString(bytes);
    EXPECT_EQ(load.error->reason, Reason::kTruncated) << load.failure;
  }
}

TEST(Malformed, NoOpcodeCrossesTheEndOfItsFrame) {
  EXPECT_THAT(Show("\x95\x01\0\0\0\0\0\0\0K\x01."sv), testing::HasSubstr("crosses the end of its frame"));
  EXPECT_THAT(Show("\x95\x04\0\0\0\0\0\0\0X\x01\0\0\0a."sv), testing::HasSubstr("crosses the end of its frame"));
}

TEST(Malformed, NoFrameGoesOnBehindStop) {
  EXPECT_THAT(Show("\x95\x03\0\0\0\0\0\0\0N.N"sv), testing::HasSubstr("its frame goes on behind it"));
}

TEST(Malformed, NoFrameBeginsInAFrame) {
  EXPECT_THAT(Show("\x95\x0b\0\0\0\0\0\0\0\x95\x01\0\0\0\0\0\0\0N."sv), testing::HasSubstr("begins inside a frame"));
}

TEST(Malformed, NamesAreBounded) {
  const std::string longest(Symbols::kMaxName, 'a');
  EXPECT_EQ(Show("c" + longest + "\n" + longest + "\n."), longest + "." + longest);
  EXPECT_THAT(Show("c" + longest + "a\nb\n."), testing::HasSubstr("too long"));
}

}  // namespace
}  // namespace airlock::pickle
