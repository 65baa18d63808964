// One row or more for each opcode: bytes in, Python's notation out.
#include "sandbox/pickle/opcodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/pickle/machine_fixture.h"

namespace airlock::pickle {
namespace {

struct Row {
  std::string_view bytes;
  std::string_view shown;
};

constexpr Row kRows[] = {
    // Literals
    {"N."sv, "None"},
    {"\x88."sv, "True"},
    {"\x89."sv, "False"},
    {"K\xff."sv, "255"},
    {"M\xff\xff."sv, "65535"},
    {"J\xff\xff\xff\xff."sv, "-1"},
    {"I12\n."sv, "12"},
    {"I-12\n."sv, "-12"},
    {"I00\n."sv, "False"},
    {"I01\n."sv, "True"},
    {"I9223372036854775807\n."sv, "9223372036854775807"},
    {"I-9223372036854775808\n."sv, "-9223372036854775808"},
    {"I9223372036854775808\n."sv, "0x008000000000000000"},
    {"L12L\n."sv, "12"},
    {"L12\n."sv, "12"},
    {"L-18446744073709551616L\n."sv, "0xff0000000000000000"},
    {"\x8a\x00."sv, "0"},
    {"\x8a\x01\xff."sv, "-1"},
    {"\x8a\x0a\x01\0\0\0\0\0\0\0\0\0."sv, "1"},
    {"\x8a\x09\0\0\0\0\0\0\0\0\x01."sv, "0x010000000000000000"},
    {"\x8b\x02\0\0\0\0\x80."sv, "-32768"},
    {"F1.5\n."sv, "1.5"},
    {"F+1e3\n."sv, "1000.0"},
    {"F-inf\n."sv, "-inf"},
    {"F1e-400\n."sv, "0.0"},
    {"G\x3f\xf8\0\0\0\0\0\0."sv, "1.5"},
    // Text and bytes
    {"S'a\\x41\\n\\101\\q\"'\n."sv, "'aA\\x0aA\\q\"'"},
    {"S\"it's\"\n."sv, "'it's'"},
    {"S'\\xff'\n."sv, "b'\\xff'"},
    {"T\x02\0\0\0ab."sv, "'ab'"},
    {"T\x01\0\0\0\xff."sv, "b'\\xff'"},
    {"U\x02\xc3\xa9."sv, "'\\xc3\\xa9'"},
    {"U\x03\xed\xa0\x80."sv, "b'\\xed\\xa0\\x80'"},
    {"V\\u00e9\xe9\\\\u0041\\U0001f600\n."sv, "'\\xc3\\xa9\\xc3\\xa9\\\\u0041\\xf0\\x9f\\x98\\x80'"},
    {"X\x01\0\0\0a."sv, "'a'"},
    {"X\x03\0\0\0\xed\xa0\x80."sv, "'\\xed\\xa0\\x80'"},
    {"\x8c\x01"
     "a."sv,
     "'a'"},
    {"\x8d\x01\0\0\0\0\0\0\0a."sv, "'a'"},
    {"B\x01\0\0\0\xff."sv, "b'\\xff'"},
    {"C\x01\xff."sv, "b'\\xff'"},
    {"\x8e\x01\0\0\0\0\0\0\0\xff."sv, "b'\\xff'"},
    {"\x96\x01\0\0\0\0\0\0\0a."sv, "bytearray(b'a')"},
    // Stack and memo
    {"K\x01K\x02"
     "0."sv,
     "1"},
    {"K\x01(0."sv, "1"},
    {"K\x01(K\x02K\x03"
     "1."sv,
     "1"},
    {"K\x01"
     "2\x86."sv,
     "(1, 1)"},
    {"K\x01q\x05"
     "0h\x05."sv,
     "1"},
    {"K\x01r\xff\xff\xff\xff"
     "0j\xff\xff\xff\xff."sv,
     "1"},
    {"K\x01p12\n0g12\n."sv, "1"},
    {"K\x01\x94K\x02\x94"
     "00h\x00h\x01\x86."sv,
     "(1, 2)"},
    {"K\x01r\x00\x00\x00\x40K\x02\x94"
     "00h\x01."sv,
     "2"},  // MEMOIZE takes the number of entries
    // Containers
    {")."sv, "()"},
    {"]."sv, "[]"},
    {"}."sv, "{}"},
    {"\x8f."sv, "set()"},
    {"(K\x01K\x02l."sv, "[1, 2]"},
    {"(K\x01K\x02t."sv, "(1, 2)"},
    {"(K\x01K\x02"
     "d."sv,
     "{1: 2}"},
    {"(K\x01\x91."sv, "frozenset(1)"},
    {"K\x01\x85."sv, "(1,)"},
    {"K\x01K\x02\x86."sv, "(1, 2)"},
    {"K\x01K\x02K\x03\x87."sv, "(1, 2, 3)"},
    {"]K\x01"
     "a."sv,
     "[1]"},
    {"](K\x01K\x02"
     "e."sv,
     "[1, 2]"},
    {"](e."sv, "[]"},
    {"}K\x01K\x02s."sv, "{1: 2}"},
    {"}(K\x01K\x02K\x03K\x04u."sv, "{1: 2, 3: 4}"},
    {"\x8f(K\x01\x90."sv, "set(1)"},
    // Symbols, calls, state
    {"cmymod\nThing\n."sv, "mymod.Thing"},
    {"\x8c\x05mymod\x8c\x05Thing\x93."sv, "mymod.Thing"},
    {"\x82\x07."sv, "copyreg.extension.7"},
    {"\x83\x07\x01."sv, "copyreg.extension.263"},
    {"\x84\x07\0\0\x01."sv, "copyreg.extension.16777223"},
    {"cmymod\nThing\nK\x01\x85R."sv, "<mymod.Thing (1,)>"},
    {"cmymod\nThing\n)\x81."sv, "<new mymod.Thing ()>"},
    {"cmymod\nThing\n)}X\x01\0\0\0kK\x01s\x92."sv, "<new mymod.Thing () **{'k': 1}>"},
    {"cmymod\nThing\n)}\x92."sv, "<new mymod.Thing ()>"},
    {"(K\x01imymod\nThing\n."sv, "<mymod.Thing (1,)>"},
    {"(imymod\nThing\n."sv, "<new mymod.Thing ()>"},
    {"(cmymod\nThing\nK\x01o."sv, "<mymod.Thing (1,)>"},
    {"(cmymod\nThing\no."sv, "<new mymod.Thing ()>"},
    {"cmymod\nThing\n)\x81}b."sv, "<new mymod.Thing () state={}>"},
    {"cmymod\nThing\n)\x81}bNbK\x01"
     "b."sv,
     "<new mymod.Thing () states=[{}, None, 1]>"},
    {"cmymod\nThing\n)\x81K\x01"
     "a(K\x02K\x03"
     "e."sv,
     "<new mymod.Thing () items=[1, 2, 3]>"},
    {"cmymod\nThing\n)\x81K\x01K\x02s(K\x03K\x04u."sv, "<new mymod.Thing () pairs={1: 2, 3: 4}>"},
    {"cmymod\nThing\n)\x81(K\x01\x90."sv, "<new mymod.Thing () items=[1]>"},
    {"cmymod\nThing\n)\x81)R."sv, "<<new mymod.Thing ()> ()>"},
    {"K\x01)R."sv, "<1 ()>"},
    {"Pabc\n."sv, "storage3"},
    {")Q."sv, "storage3"},
    // Frames and protocol
    {"\x80\x04\x95\x02\0\0\0\0\0\0\0N."sv, "None"},
    {"\x80\x04\x95\x03\0\0\0\0\0\0\0NN\x86\x95\x01\0\0\0\0\0\0\0."sv, "(None, None)"},
    {"\x80\x05\x95\0\0\0\0\0\0\0\0N."sv, "None"},
    // Python's own classes
    {"ccollections\nOrderedDict\n)R."sv, "OrderedDict({})"},
    {"ccollections\nOrderedDict\n](]K\x01"
     "aK\x02"
     "ae\x85R."sv,
     "OrderedDict({1: 2})"},
    {"ccollections\nOrderedDict\n)RK\x01K\x02s}K\x03K\x04sb."sv, "OrderedDict({1: 2} {3: 4})"},
    {"ccollections\nOrderedDict\n)R}K\x03K\x04sb}K\x05K\x06sb."sv, "OrderedDict({} {3: 4, 5: 6})"},
    {"ccollections\nOrderedDict\n)RN}K\x03K\x04s\x86"
     "b."sv,
     "OrderedDict({} {3: 4})"},
    {"c__builtin__\nset\n](K\x01K\x02"
     "e\x85R."sv,
     "set(1, 2)"},
    {"cbuiltins\nfrozenset\n(K\x01t\x85R."sv, "frozenset(1)"},
    {"cbuiltins\nlist\n(K\x01t\x85R."sv, "[1]"},
    {"cbuiltins\ntuple\n](K\x01"
     "e\x85R."sv,
     "(1,)"},
    {"cbuiltins\ndict\n}K\x01K\x02s\x85R."sv, "{1: 2}"},
    {"cbuiltins\nbytearray\n)R."sv, "bytearray(b'')"},
    {"cbuiltins\nbytearray\nC\x01"
     "a\x85R."sv,
     "bytearray(b'a')"},
    {"cbuiltins\nbytearray\nX\x02\0\0\0\xc3\xbfX\x06\0\0\0latin1\x86R."sv, "bytearray(b'\\xff')"},
    {"cbuiltins\nbytes\n)R."sv, "b''"},
    {"cbuiltins\ncomplex\nG\x3f\xf0\0\0\0\0\0\0K\x02\x86R."sv, "(1.0+2.0j)"},
    {"c_codecs\nencode\nX\x02\0\0\0\xc3\xbfX\x06\0\0\0latin1\x86R."sv, "b'\\xff'"},
    {"ccopy_reg\n_reconstructor\ncmymod\nThing\nc__builtin__\nobject\nN\x87R."sv, "<new mymod.Thing ()>"},
    {"ccopyreg\n__newobj__\ncmymod\nThing\nK\x01\x86R."sv, "<new mymod.Thing (1,)>"},
    // Known calls with arguments that nobody writes stay inert
    {"cbuiltins\nbytearray\nK\x0a\x85R."sv, "<builtins.bytearray (10,)>"},
    {"cbuiltins\nset\nK\x0a\x85R."sv, "<builtins.set (10,)>"},
    {"cbuiltins\nset\n]\x85\x81."sv, "<new builtins.set ([],)>"},
    {"c_codecs\nencode\nX\x01\0\0\0aX\x05\0\0\0rot13\x86R."sv, "<_codecs.encode ('a', 'rot13')>"},
    {"c_codecs\nencode\nX\x03\0\0\0\xe2\x82\xacX\x06\0\0\0latin1\x86R."sv,
     "<_codecs.encode ('\\xe2\\x82\\xac', 'latin1')>"},
    {"ccollections\nOrderedDict\nK\x01\x85R."sv, "<collections.OrderedDict (1,)>"},
    // The constructor's part
    {"ctorch\nSize\n(K\x02K\x03t\x85R."sv, "Size(2, 3)"},
    {"ctorch\nfloat32\n."sv, "float32"},
    {"ctorch\nfloat64\n."sv, "torch.float64"},
    {"ctorch\nSize\n)R."sv, "<torch.Size ()>"},
    {"ctorch._utils\n_rebuild_tensor_v2\n)R."sv, "tensor7"},
    {"ctorch._utils\n_rebuild_tensor_v2\n)RNb."sv, "tensor7"},
    {"ctorch._utils\n_rebuild_tensor_v2\n)R}b."sv, "<tensor7 state={}>"},
    // The constructor completes a record of its own by its state; what it made is asked for again.
    {"ctorch._utils\n_rebuild_parameter\n)R}b."sv, "<torch._utils._rebuild_parameter () state={}>"},
    {"ctorch._utils\n_rebuild_parameter\n)RK\x05"
     "b."sv,
     "array5"},
    {"ctorch._utils\n_rebuild_parameter\n)R\x85K\x05\x86."sv, "((<torch._utils._rebuild_parameter ()>,), 5)"},
    {"ctorch._utils\n_rebuild_parameter\n)Rq\x00K\x05"
     "b0(h\x00h\x00l."sv,
     "[array5, array5]"},
    {"ctorch._utils\n_rebuild_parameter\n)RK\x05"
     "bNb."sv,
     "array5"},
    {"ctorch._utils\n_rebuild_parameter\n)RK\x05"
     "b}b."sv,
     "<array5 state={}>"},
    {"ctorch._utils\n_rebuild_parameter\n)R\x89"
     "b."sv,
     "! a state that nobody writes"},
    {"cm\nC\n)RK\x05"
     "b."sv,
     "<m.C () state=5>"},
    {")Q}b."sv, "<storage3 state={}>"},
    {"cmymod\nThing\n}b."sv, "<mymod.Thing state={}>"},
};

TEST(Opcodes, DoWhatPythonDoes) {
  for (const Row& row : kRows) EXPECT_EQ(Show(row.bytes), row.shown) << testing::PrintToString(row.bytes);
}

TEST(Opcodes, AreAllCovered) {
  std::set<uint8_t> seen;
  for (const Row& row : kRows) {
    for (const char byte : row.bytes) seen.insert(static_cast<uint8_t>(byte));
  }
  for (int byte = 0; byte < 256; ++byte) {
    if (kOpcodes[static_cast<size_t>(byte)].name == nullptr) continue;
    // A file has no out-of-band buffers, so those two only fail: see below.
    if (byte == 0x97 || byte == 0x98) continue;
    EXPECT_TRUE(seen.contains(static_cast<uint8_t>(byte))) << kOpcodes[static_cast<size_t>(byte)].name;
  }
}

TEST(Opcodes, EveryOtherByteIsRefusedWithItsOffset) {
  for (int byte = 0; byte < 256; ++byte) {
    if (kOpcodes[static_cast<size_t>(byte)].name != nullptr) continue;
    const Load load = LoadBytes(std::string("N0") + static_cast<char>(byte) + "N.");
    ASSERT_TRUE(load.error) << byte;
    EXPECT_EQ(load.error->reason, Reason::kPickleMalformed);
    EXPECT_EQ(load.error->offset, 2U);
    EXPECT_THAT(load.failure, testing::HasSubstr("is not a pickle opcode"));
  }
}

TEST(Opcodes, OutOfBandBuffersAreRefusedByName) {
  EXPECT_THAT(Show("\x97."sv), testing::HasSubstr("NEXT_BUFFER: asks for an out-of-band buffer"));
  EXPECT_THAT(Show("N\x98."sv), testing::HasSubstr("READONLY_BUFFER: asks for an out-of-band buffer"));
}

TEST(Opcodes, NanKeepsItsPayload) {
  const Load load = LoadBytes("G\x7f\xf8\0\0\0\0\x12\x34."sv);
  ASSERT_FALSE(load.error);
  EXPECT_EQ(std::bit_cast<uint64_t>(load.context.graph.real(load.root)), 0x7ff8000000001234U);
}

TEST(Opcodes, StopLeavesTheSourceBehindIt) {
  const auto bytes = "N.rest"sv;
  MemorySource source({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, 100);
  EXPECT_EQ(LoadFrom(source).shown, "None");
  EXPECT_EQ(source.offset(), 102U);
}

TEST(Opcodes, WhatIsLeftOnTheStackIsAWarning) {
  for (const auto bytes : {"NK\x01."sv, "(K\x01."sv}) {
    const Load load = LoadBytes(bytes);
    EXPECT_EQ(load.shown, "1");
    EXPECT_EQ(load.CountFindings("pickle.leftover-stack"), 1U);
  }
}

TEST(Opcodes, ProtoInTheMiddleIsANote) {
  const Load load = LoadBytes("\x80\x02N\x80\x02\x80\x05."sv);
  EXPECT_EQ(load.shown, "None");
  EXPECT_EQ(load.CountFindings("pickle.late-proto"), 1U);
}

TEST(Opcodes, AConstructorsErrorEndsTheLoad) {
  const Load load = LoadBytes("ctorch\ndevice\n)R."sv);
  ASSERT_TRUE(load.error);
  EXPECT_EQ(load.error->reason, Reason::kTensorOutOfBounds);
}

}  // namespace
}  // namespace airlock::pickle
