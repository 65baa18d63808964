// Objects of Python's own classes: what CPython writes is understood in every protocol, and nothing else is.
#include <gtest/gtest.h>

#include "tests/unit/pickle/machine_fixture.h"

namespace airlock::pickle {
namespace {

struct Vector {
  std::string_view name;
  int protocol;
  std::string_view hex;
  std::string_view shown;
};

constexpr Vector kVectors[] = {
#include "tests/unit/pickle/python_types_vectors.inc"
};

std::string Unhex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// What the machine makes of it, and how many findings say that it is not understood.
struct Row {
  std::string_view bytes;
  std::string_view shown;
};

class PythonTypes : public testing::TestWithParam<Vector> {};

TEST_P(PythonTypes, AreUnderstood) {
  const Load load = LoadBytes(Unhex(GetParam().hex));
  EXPECT_EQ(load.failure, "");
  EXPECT_EQ(load.shown, GetParam().shown);
  for (const Finding& finding : load.context.findings) ADD_FAILURE() << finding.message;
  for (const SymbolUse& use : load.context.symbols.all()) {
    EXPECT_EQ(use.symbol_class == SymbolClass::kKnown, use.module != "mymod") << use.module << '.' << use.name;
  }
}

// A byte changed anywhere: an answer, and a record that still shows.
TEST_P(PythonTypes, EndWithAnAnswerWhateverByteIsChanged) {
  std::string bytes = Unhex(GetParam().hex);
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const char flip : {'\x01', '\x10', '\x80'}) {
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      const Load load = LoadBytes(bytes);
      ASSERT_EQ(load.error.has_value(), load.root == kNoNode) << at;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(CPython, PythonTypes, testing::ValuesIn(kVectors), [](const auto& row) {
  return std::string(row.param.name) + "Protocol" + std::to_string(row.param.protocol);
});

// What Python 2, and Python 3 before and after 3.11, write otherwise.
constexpr Row kOtherPythons[] = {
    // 2.7: a str of bytes, which is no UTF-8 or, by chance, is
    {"\x80\x02"
     "cdatetime\ndatetime\nU\x0a\x07\xe4\x01\x02\x03\x04\x05\x00\x00\x06\x85R."sv,
     "<datetime.datetime (2020, 1, 2, 3, 4, 5, 6)>"},
    {"\x80\x02"
     "cdatetime\ndate\nU\x04\x07\x7f\x01\x02\x85R."sv,
     "<datetime.date (1919, 1, 2)>"},
    {"\x80\x02"
     "ccollections\ndeque\n](K\x01K\x02"
     "e\x85R."sv,
     "<collections.deque () items=[1, 2]>"},
    {"ccollections\ndeque\n]K\x01"
     "aK\x07\x86R."sv,
     "<collections.deque (7,) items=[1]>"},
    {"ccollections\ndeque\n]N\x86R."sv, "<collections.deque ()>"},
    {"c__builtin__\nxrange\nK\x00K\x03K\x01\x87R."sv, "<builtins.range (0, 3, 1)>"},
    {"cfractions\nFraction\nU\x04-1/3\x85R."sv, "<fractions.Fraction ('-1/3',)>"},
    {"cfractions\nFraction\nU\x01\x37\x85R."sv, "<fractions.Fraction ('7',)>"},
    {"cexceptions\nStandardError\nU\x01x\x85R."sv, "<builtins.Exception ('x',)>"},
    {"(iUserDict\nUserDict\n}U\x04"
     "data}sb."sv,
     "<new collections.UserDict () state={'data': {}}>"},
    {"cfunctools\npartial\nc__builtin__\nint\n\x85R(c__builtin__\nint\n)NNtb."sv,
     "<functools.partial (builtins.int,)>"},
    // 3.13
    {"\x80\x04\x8c\x0epathlib._local\x8c\x0dPurePosixPath\x93\x8c\x03"
     "a/b\x85R."sv,
     "<pathlib._local.PurePosixPath ('a/b',)>"},
    // What torch 2.14 has for plain data
    {"ctorch.distributed._mesh_layout\n_MeshLayout\n)\x81}(U\x05shapeK\x02\x85U\x06strideK\x01\x85ub."sv,
     "<new torch.distributed._mesh_layout._MeshLayout () state={'shape': (2,), 'stride': (1,)}>"},
    {"ctorch.distributed.tensor._dtensor_spec\nTensorMeta\n))ctorch\nfloat32\n\x87\x81."sv,
     "<new torch.distributed.tensor._dtensor_spec.TensorMeta ((), (), float32)>"},
    {"crandom\nRandom\n)R(K\x03(K\x01K\x02tNtb."sv, "<random.Random () state=(3, (1, 2), None)>"},
    {"ccopy_reg\n_reconstructor\nctraceback\nStackSummary\nc__builtin__\nlist\n]K\x01"
     "a\x87R."sv,
     "<new traceback.StackSummary () items=[1]>"},
};

TEST(PythonTypes, OfOtherPythonsAreUnderstood) {
  for (const Row& row : kOtherPythons) {
    const Load load = LoadBytes(row.bytes);
    EXPECT_EQ(load.failure + load.shown, row.shown);
    EXPECT_EQ(load.CountFindings("python.odd-arguments"), 0U) << row.shown;
  }
}

// Each is kept as it is, with one finding.
constexpr Row kOdd[] = {
    {"cdatetime\ndatetime\nC\x0a\x07\xe4\x0d\x02\x03\x04\x05\x00\x00\x06\x85R."sv,
     "<datetime.datetime (b'\\x07\\xe4\\x0d\\x02\\x03\\x04\\x05\\x00\\x00\\x06',)>"},
    {"cdatetime\ndatetime\nC\x0a\x07\xe4\x01\x02\x18\x04\x05\x00\x00\x06\x85R."sv,
     "<datetime.datetime (b'\\x07\\xe4\\x01\\x02\\x18\\x04\\x05\\x00\\x00\\x06',)>"},
    {"cdatetime\ndatetime\nC\x04\x07\xe4\x01\x02\x85R."sv, "<datetime.datetime (b'\\x07\\xe4\\x01\\x02',)>"},
    {"cdatetime\ndatetime\n(M\xe4\x07K\x01K\x02tR."sv, "<datetime.datetime (2020, 1, 2)>"},
    {"cdatetime\ndatetime\nC\x0a\x07\xe4\x01\x02\x03\x04\x05\x00\x00\x06K\x01\x86R."sv,
     "<datetime.datetime (b'\\x07\\xe4\\x01\\x02\\x03\\x04\\x05\\x00\\x00\\x06', 1)>"},
    {"cdatetime\ndate\nC\x04\x07\xe3\x02\x1d\x85R."sv, "<datetime.date (b'\\x07\\xe3\\x02\\x1d',)>"},  // no leap year
    {"cdatetime\ndate\nC\x04\x00\x00\x01\x01\x85R."sv, "<datetime.date (b'\\x00\\x00\\x01\\x01',)>"},
    {"cdatetime\ndate\nC\x04\x07\xe3\x01\x01\x85\x81."sv, "<new datetime.date (b'\\x07\\xe3\\x01\\x01',)>"},
    {"cdatetime\ndate\n)R."sv, "<datetime.date ()>"},
    {"cdatetime\ntime\nC\x06\x01\x3c\x00\x00\x00\x00\x85R."sv, "<datetime.time (b'\\x01<\\x00\\x00\\x00\\x00',)>"},
    {"cdatetime\ntimedelta\nK\x00J\xff\xff\xff\xffK\x00\x87R."sv, "<datetime.timedelta (0, -1, 0)>"},
    {"cdatetime\ntimedelta\nK\x01\x85R."sv, "<datetime.timedelta (1,)>"},
    {"cdatetime\ntimedelta\nJ\x00\xca\x9a\x3bK\x00K\x00\x87R."sv, "<datetime.timedelta (1000000000, 0, 0)>"},
    {"cdatetime\ntimezone\nK\x01\x85R."sv, "<datetime.timezone (1,)>"},
    {"cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x01K\x00K\x00\x87R\x85R."sv,
     "<datetime.timezone (<datetime.timedelta (1, 0, 0)>,)>"},
    {"cdecimal\nDecimal\nU\x03"
     "1,5\x85R."sv,
     "<decimal.Decimal ('1,5',)>"},
    {"cdecimal\nDecimal\nU\x01.\x85R."sv, "<decimal.Decimal ('.',)>"},
    {"cdecimal\nDecimal\nU\x02"
     "1E\x85R."sv,
     "<decimal.Decimal ('1E',)>"},
    {"cdecimal\nDecimal\nK\x01\x85R."sv, "<decimal.Decimal (1,)>"},
    {"cfractions\nFraction\nK\x01K\x00\x86R."sv, "<fractions.Fraction (1, 0)>"},
    {"cfractions\nFraction\nU\x03\x31/0\x85R."sv, "<fractions.Fraction ('1/0',)>"},
    {"cfractions\nFraction\nU\x03\x30.5\x85R."sv, "<fractions.Fraction ('0.5',)>"},
    {"cuuid\nUUID\n)\x81}U\x03intJ\xff\xff\xff\xffsb."sv, "<new uuid.UUID () state={'int': -1}>"},
    {"cuuid\nUUID\n)\x81}U\x03int\x8a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01sb."sv,
     "<new uuid.UUID () state={'int': 0x0100000000000000000000000000000000}>"},
    {"cuuid\nUUID\n)\x81}b."sv, "<new uuid.UUID () state={}>"},
    {"cuuid\nSafeUUID\n)R."sv, "<uuid.SafeUUID ()>"},
    {"cpathlib\nPosixPath\nC\x01"
     "a\x85R."sv,
     "<pathlib.PosixPath (b'a',)>"},
    {"cpathlib\nPosixPath\n)R}b."sv, "<pathlib.PosixPath () state={}>"},
    {"cargparse\nNamespace\n)\x81K\x01"
     "b."sv,
     "<new argparse.Namespace () state=1>"},
    {"cargparse\nNamespace\n)\x81}K\x01Nsb."sv, "<new argparse.Namespace () state={1: None}>"},
    {"cargparse\nNamespace\n)\x81N}\x86"
     "b."sv,
     "<new argparse.Namespace () state=(None, {})>"},
    {"cargparse\nNamespace\n)R."sv, "<argparse.Namespace ()>"},
    {"cargparse\nNamespace\n)\x81}b}b."sv, "<new argparse.Namespace () states=[{}, {}]>"},
    {"cargparse\nNamespace\n)\x81K\x01K\x02s."sv, "<new argparse.Namespace () pairs={1: 2}>"},
    {"cargparse\nNamespace\n)}U\x01"
     "aK\x01s\x92."sv,
     "<new argparse.Namespace () **{'a': 1}>"},
    {"ctypes\nSimpleNamespace\n)\x81."sv, "<new types.SimpleNamespace ()>"},
    {"ccollections\ndefaultdict\nN\x85R."sv, "<collections.defaultdict (None,)>"},
    {"ccollections\ndefaultdict\nK\x01\x85R."sv, "<collections.defaultdict (1,)>"},
    {"ccollections\ndefaultdict\n)RK\x01"
     "a."sv,
     "<collections.defaultdict () items=[1]>"},
    {"ccollections\ndefaultdict\n)R}b."sv, "<collections.defaultdict () state={}>"},
    {"ccollections\nCounter\nU\x03"
     "aab\x85R."sv,
     "<collections.Counter ('aab',)>"},
    {"ccollections\ndeque\n]J\xff\xff\xff\xff\x86R."sv, "<collections.deque ([], -1)>"},
    {"ccollections\ndeque\nK\x01\x85R."sv, "<collections.deque (1,)>"},
    {"ccollections\ndeque\n)RK\x01K\x02s."sv, "<collections.deque () pairs={1: 2}>"},
    {"cbuiltins\nrange\nK\x01K\x02K\x00\x87R."sv, "<builtins.range (1, 2, 0)>"},
    {"cbuiltins\nrange\nK\x01\x85R."sv, "<builtins.range (1,)>"},
    {"cbuiltins\nrange\nK\x01K\x02N\x87R."sv, "<builtins.range (1, 2, None)>"},
    {"cbuiltins\nslice\nK\x01\x85R."sv, "<builtins.slice (1,)>"},
    {"cbuiltins\ntype\nK\x01\x85R."sv, "<builtins.type (1,)>"},
    {"cbuiltins\ntype\nU\x01X)}\x87R."sv, "<builtins.type ('X', (), {})>"},
    {"cbuiltins\nint\nU\x01\x35\x85R."sv, "<builtins.int ('5',)>"},
    {"cbuiltins\nint\nK\x05\x85\x81."sv, "<new builtins.int (5,)>"},
    {"cbuiltins\nobject\n)R."sv, "<builtins.object ()>"},
    {"cbuiltins\nobject\n)\x81}b."sv, "<new builtins.object () state={}>"},
    {"cbuiltins\nValueError\n)\x81."sv, "<new builtins.ValueError ()>"},
    {"cbuiltins\nValueError\n)RK\x01"
     "b."sv,
     "<builtins.ValueError () state=1>"},
    {"cfunctools\npartial\n)R."sv, "<functools.partial ()>"},
    {"cfunctools\npartial\nK\x01\x85R."sv, "<functools.partial (1,)>"},
    {"cfunctools\npartial\ncm\nf\n\x85R(cm\ng\n)NNtb."sv, "<functools.partial (m.f,) state=(m.g, (), None, None)>"},
    {"cfunctools\npartial\ncm\nf\n\x85R(cm\nf\n]NNtb."sv, "<functools.partial (m.f,) state=(m.f, [], None, None)>"},
    {"cfunctools\npartial\ncm\nf\n\x85R(cm\nf\n)}K\x01K\x02sNtb."sv,
     "<functools.partial (m.f,) state=(m.f, (), {1: 2}, None)>"},
    {"cfunctools\npartial\ncm\nf\n\x85R}b."sv, "<functools.partial (m.f,) state={}>"},
    {"ctraceback\nFrameSummary\n)\x81}b."sv, "<new traceback.FrameSummary () state={}>"},
    {"ctraceback\nStackSummary\n)\x81K\x01K\x02s."sv, "<new traceback.StackSummary () pairs={1: 2}>"},
    {"crandom\nRandom\n)RK\x03"
     "b."sv,
     "<random.Random () state=3>"},
    {"cre\n_compile\nU\x01"
     "a\x85R."sv,
     "<re._compile ('a',)>"},
    {"carray\narray\nU\x01\x7a]\x86R."sv, "<array.array ('z', [])>"},
    {"carray\n_array_reconstructor\n(carray\narray\nU\x01hK\x63"
     "C\x00tR."sv,
     "<array._array_reconstructor (array.array, 'h', 99, b'')>"},
    {"c_operator\ngetitem\n}U\x01"
     "a\x86R."sv,
     "<_operator.getitem ({}, 'a')>"},
    {"c_functools\nreduce\ncm\nf\n]\x86R."sv, "<_functools.reduce (m.f, [])>"},
    {"c_operator\nor_\nK\x01K\x02\x86R."sv, "<_operator.or_ (1, 2)>"},
    {"clightning.fabric.utilities.data\nAttributeDict\n}\x85R."sv,
     "<lightning.fabric.utilities.data.AttributeDict ({},)>"},
    {"comegaconf.nodes\nAnyNode\n)\x81N}\x86"
     "b."sv,
     "<new omegaconf.nodes.AnyNode () state=(None, {})>"},
    // A call of it would look for other machines: none is written.
    {"ctorch.distributed.device_mesh\nDeviceMesh\nU\x04"
     "cuda\x85R."sv,
     "<torch.distributed.device_mesh.DeviceMesh ('cuda',)>"},
    {"ctorch.distributed.device_mesh\nDeviceMesh\n)\x81K\x01"
     "b."sv,
     "<new torch.distributed.device_mesh.DeviceMesh () state=1>"},
    {"ccopy_reg\n_reconstructor\ncm\nC\nc__builtin__\nset\n]\x87R."sv,
     "<copyreg._reconstructor (m.C, builtins.set, [])>"},
    {"ccopy_reg\n_reconstructor\ncm\nC\nc__builtin__\nobject\nK\x01\x87R."sv,
     "<copyreg._reconstructor (m.C, builtins.object, 1)>"},
    {"ccopy_reg\n_reconstructor\ncm\nC\ncm\nB\nN\x87R."sv, "<copyreg._reconstructor (m.C, m.B, None)>"},
    {"ccopy_reg\n_reconstructor\ncargparse\nNamespace\nc__builtin__\ndict\n}K\x01K\x02s\x87R."sv,
     "<new argparse.Namespace () pairs={1: 2}>"},
    {"ccopyreg\n__newobj__\n)R."sv, "<copyreg.__newobj__ ()>"},
    // Never finished, or too full
    {"cuuid\nUUID\n)\x81."sv, "<new uuid.UUID ()>"},
    {"crandom\nRandom\n)R."sv, "<random.Random ()>"},
    {"ctraceback\nFrameSummary\n)\x81."sv, "<new traceback.FrameSummary ()>"},
    {"ccollections\ndeque\n)K\x01\x86R(K\x01K\x02"
     "e."sv,
     "<collections.deque (1,) items=[1, 2]>"},
    // A state that holds nothing, for what has none: Python does nothing, and nobody writes it
    {"]Nb."sv, "[]"},
    {"K\x05Nb."sv, "5"},
};

TEST(PythonTypes, WithOddArgumentsStayInert) {
  for (const Row& row : kOdd) {
    const Load load = LoadBytes(row.bytes);
    EXPECT_EQ(load.failure + load.shown, row.shown);
    EXPECT_EQ(load.CountFindings("python.odd-arguments"), 1U) << row.shown;
    EXPECT_EQ(load.CountFindings("pickle.dangerous-symbol"), 0U) << row.shown;
  }
}

// A class that was itself changed is a record of its own name, without arguments, wherever an object of it is looked
// at.
TEST(PythonTypes, AClassThatIsChangedIsARecordWithoutArguments) {
  constexpr std::string_view kChanged[] = {
      "ccollections\ndeque\n)R0ccollections\ndeque\n}b."sv,
      "crandom\nRandom\n)R0crandom\nRandom\n}b."sv,
      "ccollections\ndeque\n)R0ccollections\ndeque\nK\x01"
      "a."sv,
      "cfunctools\npartial\nK\x01"
      "a(NNNNtb."sv,
      "cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x01"
      "a\x85R."sv,
      "cuuid\nUUID\nK\x01"
      "a}b."sv,
  };
  for (const std::string_view bytes : kChanged) EXPECT_EQ(LoadBytes(bytes).CountFindings("pickle.changes-class"), 1U);
}

// What has an identity may be a key: a parameter (skorch's optimizers), a class (Lightning's callbacks), an object.
TEST(PythonTypes, WhatHasAnIdentityIsAKey) {
  constexpr Row kKeyed[] = {
      {"ccollections\ndefaultdict\nc__builtin__\ndict\n\x85Rctorch._utils\n_rebuild_tensor_v2\n)R}s."sv,
       "<collections.defaultdict (builtins.dict,) pairs={tensor7: {}}>"},
      {"}(cm\nCheckpoint\n}cm\nStopping\n}u."sv, "{m.Checkpoint: {}, m.Stopping: {}}"},
      {"}(cm\nC\n)\x81K\x01"
       "cm\nC\n)\x81K\x02u."sv,
       "{<new m.C ()>: 1, <new m.C ()>: 2}"},
      {"\x8f(cdatetime\ndate\nC\x04\x07\xe3\x01\x01\x85R\x90."sv, "set(<datetime.date (2019, 1, 1)>)"},
      {"}cargparse\nNamespace\n)\x81\x85Ns."sv, "{(<new argparse.Namespace ()>,): None}"},
  };
  for (const Row& row : kKeyed) EXPECT_EQ(Show(row.bytes), row.shown);
}

// What protocols 0 and 1 fill a base class with.
TEST(PythonTypes, OfABaseClassAreFilled) {
  constexpr Row kFilled[] = {
      {"ccopy_reg\n_reconstructor\ncm\nC\nc__builtin__\nlist\n]K\x01"
       "a\x87RK\x02"
       "a."sv,
       "<new m.C () items=[1, 2]>"},
      {"ccopy_reg\n_reconstructor\ncm\nC\nc__builtin__\ndict\n}\x87R."sv, "<new m.C ()>"},
      {"ccopy_reg\n_reconstructor\ncm\nC\nc__builtin__\nunicode\nX\x01\0\0\0a\x87R."sv, "<new m.C ('a',)>"},
      {"ccopy_reg\n_reconstructor\nccollections\nOrderedDict\nc__builtin__\ndict\n}K\x01K\x02s\x87R."sv,
       "OrderedDict({1: 2})"},
      {"ccopy_reg\n_reconstructor\nccollections\nOrderedDict\nc__builtin__\nlist\n]K\x01"
       "a\x87R."sv,
       "! REDUCE: a list cannot fill a dict"},
      {"ccopy_reg\n_reconstructor\nc__builtin__\nset\nc__builtin__\nlist\n]K\x01"
       "a\x87R."sv,
       "! REDUCE: a set cannot be filled"},
  };
  for (const Row& row : kFilled) EXPECT_EQ(Show(row.bytes), row.shown);
}

// What keeps a function is judged by the function.
TEST(PythonTypes, ThatKeepADangerousFunctionAreDanger) {
  for (const auto bytes :
       {"ccollections\ndefaultdict\ncos\nsystem\n\x85R."sv, "cfunctools\npartial\ncos\nsystem\n\x85R."sv,
        "cfunctools\npartial\ncm\nf\n\x85R(cm\nf\ncos\nsystem\n\x85NNtb."sv,
        "cfunctools\npartial\ncm\nf\n\x85R(cm\nf\n)}U\x01kcos\nsystem\nsNtb."sv,
        "cfunctools\npartial\ncm\nf\n\x85Rcos\nsystem\nb."sv}) {
    const Load load = LoadBytes(bytes);
    EXPECT_EQ(load.CountFindings("pickle.dangerous-symbol"), 1U) << testing::PrintToString(bytes) << load.failure;
  }
  const auto reached =
      "cfunctools\npartial\ncbuiltins\ngetattr\n\x85R(cbuiltins\ngetattr\nctorch\nserialization\nU\x02os\x86NNtb."sv;
  EXPECT_EQ(LoadBytes(reached).CountFindings("pickle.dangerous-symbol"), 1U);
}

// A copy counts as many opcodes as it copies, whichever class makes it.
TEST(PythonTypes, CopiesAreCounted) {
  std::string pairs;
  for (int i = 0; i < 1500; ++i) pairs.append({'M', static_cast<char>(i), static_cast<char>(i >> 8), 'N'});
  for (const std::string name : {"deque", "OrderedDict", "Counter"}) {
    std::string bytes = name == "deque" ? "](" + std::string(3000, 'N') + "e" : "}(" + pairs + "u";
    bytes.append("q\x01").append("0ccollections\n").append(name).append("\nq\x02");
    for (int i = 0; i < 50; ++i) bytes += "h\x02h\x01\x85R0";
    const Load load = LoadBytes(bytes + ".");
    ASSERT_FALSE(load.error) << load.failure;
    EXPECT_GT(load.context.opcodes, 150'000U) << name;
  }
}

TEST(PythonTypes, APython2StrOfBytesIsKeptWithANote) {
  const Load load = LoadBytes("(U\x02\xff\x00S'\\xfe'\nT\x01\0\0\0\x80U\x01zt."sv);
  EXPECT_EQ(load.shown, "(b'\\xff\\x00', b'\\xfe', b'\\x80', 'z')");
  ASSERT_EQ(load.context.findings.size(), 1U);
  EXPECT_EQ(load.context.findings[0].id, "pickle.python2-bytes");
  EXPECT_EQ(load.context.findings[0].severity, Severity::kNote);
}

}  // namespace
}  // namespace airlock::pickle
