// The symbol table, and what is said of calls: one row for each published gadget, and the harmless neighbours that must
// not be accused.
#include "sandbox/pickle/symbols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "sandbox/pickle/symbol_table.h"
#include "tests/unit/pickle/machine_fixture.h"

namespace airlock::pickle {
namespace {

struct Name {
  std::string_view module;
  std::string_view name;
};

constexpr Name kDangerous[] = {
    {"os", "system"},
    {"posix", "system"},
    {"nt", "system"},
    {"subprocess", "Popen"},
    {"builtins", "eval"},
    {"builtins", "exec"},
    {"builtins", "compile"},
    {"builtins", "__import__"},
    {"builtins", "open"},
    {"os.path", "join"},
    {"pip", "main"},
    {"pip._internal", "main"},
    {"pkgutil", "resolve_name"},
    {"operator", "methodcaller"},
    {"operator", "attrgetter"},
    {"_operator", "methodcaller"},
    {"_operator", "attrgetter"},
    {"pydoc", "locate"},
    {"pydoc", "pipepager"},
    {"ctypes", "CDLL"},
    {"pty", "spawn"},
    {"distutils.file_util", "write_file"},
    {"ensurepip", "_run_pip"},
    {"uuid", "_get_command_stdout"},
    {"_osx_support", "_read_output"},
    {"_aix_support", "_read_cmd_output"},
    {"imaplib", "IMAP4_stream"},
    {"_pyrepl.pager", "pipe_pager"},
    {"test.support.script_helper", "assert_python_ok"},
    {"cProfile", "run"},
    {"cProfile", "runctx"},
    {"profile", "run"},
    {"profile", "Profile.run"},
    {"profile", "Profile.runctx"},
    {"trace", "Trace.run"},
    {"trace", "Trace.runctx"},
    {"doctest", "debug_script"},
    {"code", "InteractiveInterpreter.runcode"},
    {"timeit", "timeit"},
    {"idlelib.pyshell", "ModifiedInterpreter.runcode"},
    {"idlelib.pyshell", "ModifiedInterpreter.runcommand"},
    {"idlelib.debugobj", "ObjectTreeItem.SetText"},
    {"idlelib.autocomplete", "AutoComplete.get_entity"},
    {"idlelib.autocomplete", "AutoComplete.fetch_completions"},
    {"idlelib.calltip", "get_entity"},
    {"idlelib.calltip", "Calltip.fetch_tip"},
    {"idlelib.run", "Executive.runcode"},
    {"lib2to3.pgen2.grammar", "Grammar.loads"},
    {"lib2to3.pgen2.pgen", "ParserGenerator.make_label"},
    {"asyncio.unix_events", "_UnixSubprocessTransport._start"},
    {"torch.utils.collect_env", "run"},
    {"torch.utils.collect_env", "run_and_read_all"},
    {"torch.utils.bottleneck.__main__", "run_cprofile"},
    {"torch.utils.bottleneck.__main__", "run_autograd_prof"},
    {"torch._dynamo.guards", "GuardBuilder.get"},
    {"torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression"},
    {"torch.utils.data.datapipes.utils.decoder", "basichandlers"},
    {"torch.jit.unsupported_tensor_ops", "execWrapper"},
    {"torch.utils._config_module", "ConfigModule.load_config"},
    {"torch._inductor.codecache", "compile_file"},
    {"torch.serialization", "load"},
    {"torch", "load"},
    {"torch.jit", "load"},
    {"torch.storage", "_load_from_bytes"},
    {"torch.hub", "load"},
    {"torch.distributed.rpc", "rpc_sync"},
    {"torch.jit.annotations", "parse_type_line"},
    {"numpy.f2py.crackfortran", "getlincoef"},
    {"numpy.f2py.crackfortran", "_eval_length"},
    {"numpy.f2py.crackfortran", "myeval"},
    {"numpy.f2py.crackfortran", "param_eval"},
    {"numpy.testing._private.utils", "runstring"},
    {"numpy", "load"},
    {"linecache", "getline"},
    {"ssl", "get_server_certificate"},
    {"_io", "FileIO"},
    {"io", "open"},
    {"urllib.request", "urlopen"},
    {"logging", "FileHandler"},
    {"cloudpickle.cloudpickle", "_make_function"},
    {"types", "CodeType"},
    {"types", "FunctionType"},
    {"marshal", "loads"},
    {"runpy", "_run_code"},
    {"importlib", "import_module"},
    {"multiprocessing.util", "spawnv_passfds"},
    {"smtplib", "SMTP"},
    {"socketserver", "TCPServer"},
    {"sqlite3", "connect"},
    {"signal", "raise_signal"},
    {"platform", "popen"},
    {"difflib", "context_diff"},
    {"gc", "get_objects"},
    {"_posixsubprocess", "fork_exec"},
    {"site", "main"},
    {"atexit", "register"},
    {"_interpreters", "run_string"},
    {"_xxsubinterpreters", "run_string"},
    {"pdb", "run"},
    {"bdb", "Bdb.run"},
    {"_thread", "start_new_thread"},
    {"joblib", "load"},
    {"joblib.numpy_pickle", "load"},
    {"pickle", "loads"},
    {"_pickle", "loads"},
    {"dill", "loads"},
    {"pandas", "read_pickle"},
    {"pandas", "read_csv"},
    {"webbrowser", "open"},
    {"shutil", "rmtree"},
    {"socket", "socket"},
    {"sys", "exit"},
    {"zipimport", "zipimporter"},
    {"builtins", "setattr"},
    {"builtins", "globals"},
    {"builtins", "input"},
    {"mlflow.projects", "run"},
    {"requests", "get"},
    {"tempfile", "mktemp"},
    {"codeop", "compile_command"},
    {"concurrent.futures", "Executor"},
    // Through another module's names
    {"torch", "serialization.os.system"},
    {"pathlib", "os.system"},
    {"pathlib", "Path.write_text"},
    {"torch.serialization", "os"},
    {"numpy", "testing._private.utils.runstring"},
    {"torch", "serialization.load"},
    {"mymod", "Thing.__class__"},
    {"mymod", "__builtins__"},
    {"mymod", "f.__globals__"},
    {"builtins", "object.__subclasses__"},
    {"a", "b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b"},
};

TEST(SymbolTable, EveryGadgetIsDangerousAndSaysWhy) {
  for (const Name& name : kDangerous) {
    const Classification found = Classify(name.module, name.name);
    EXPECT_EQ(found.symbol_class, SymbolClass::kDangerous) << name.module << ' ' << name.name;
    EXPECT_FALSE(found.danger.empty()) << name.module << ' ' << name.name;
  }
}

TEST(SymbolTable, HarmlessNamesAreNotAccused) {
  constexpr Name kHarmless[] = {{"mymod", "Thing"},
                                {"mymod", "Outer.Inner"},
                                {"pathlib", "PosixPath"},
                                {"io", "BytesIO"},
                                {"uuid", "UUID"},
                                {"builtins", "print"},
                                {"builtins", "object"},
                                {"functools", "partial"},
                                {"collections", "defaultdict"},
                                {"argparse", "Namespace"},
                                {"logging", "getLogger"},
                                {"torch.nn.modules.linear", "Linear"},
                                {"numpy", "dtype"},
                                {"torch.optim.adam", "Adam"},
                                {"skorch.utils", "optimizer_setter"},
                                {"datetime", "datetime"},
                                {"numpy.core.multiarray", "_reconstruct"},
                                {"joblib.numpy_pickle", "NumpyArrayWrapper"},
                                {"ossify", "system"},
                                {"torch.optim.lr_scheduler", "StepLR"},
                                {"builtins", "getattr"},
                                {"copyreg", "extension.5"}};
  for (const Name& name : kHarmless) {
    EXPECT_NE(Classify(name.module, name.name).symbol_class, SymbolClass::kDangerous)
        << name.module << ' ' << name.name;
  }
}

TEST(SymbolTable, KnownNamesHaveABuilder) {
  constexpr Name kKnown[] = {{"collections", "OrderedDict"}, {"torch._utils", "_rebuild_tensor_v2"},
                             {"torch", "FloatStorage"},      {"torch.cuda", "HalfStorage"},
                             {"torch", "bfloat16"},          {"torch", "per_tensor_affine"},
                             {"_codecs", "encode"},          {"torch", "Size"}};
  for (const Name& name : kKnown) {
    const Classification found = Classify(name.module, name.name);
    EXPECT_EQ(found.symbol_class, SymbolClass::kKnown) << name.name;
    EXPECT_NE(found.builder, Builder::kNone) << name.name;
  }
}

TEST(SymbolTable, RowsDoNotContradictEachOther) {
  std::map<std::pair<std::string_view, std::string>, int> seen;
  for (const SymbolRow& row : SymbolRows()) {
    EXPECT_EQ(row.symbol_class == SymbolClass::kDangerous, !Reason(row.family).empty()) << row.module;
    std::istringstream names{std::string(row.names)};
    for (std::string name; names >> name;) {
      EXPECT_EQ(++seen[std::pair(row.module, name)], 1) << row.module << ' ' << name;
    }
  }
}

TEST(Symbols, Python2NamesAreMapped) {
  const Load load = LoadBytes("c__builtin__\neval\nccPickle\nloads\ncexceptions\nValueError\n\x87."sv);
  EXPECT_EQ(load.shown, "(builtins.eval, pickle.loads, builtins.ValueError)");
}

TEST(Symbols, AreCountedOnce) {
  const Load load = LoadBytes("c__builtin__\neval\ncbuiltins\neval\nc__builtin__\neval\n\x87."sv);
  ASSERT_EQ(load.context.symbols.all().size(), 1U);
  EXPECT_EQ(load.context.symbols[0].uses, 3U);
  EXPECT_EQ(load.context.symbols[0].first_offset, 0U);
}

TEST(Symbols, BadBytesAreReadable) { EXPECT_EQ(Show("ca\xff\nb\xed\xa0\x80\n."sv), "a\\xff.b\\xed\\xa0\\x80"); }

// Bytes, and the symbol that is accused. Each asks for a call in another way.
struct Accusation {
  std::string_view bytes;
  std::string_view symbol;
};

constexpr Accusation kAccusations[] = {
    {"cos\nsystem\n(X\x04\0\0\0truetR."sv, "os.system"},
    {"\x8c\x02os\x8c\x06system\x93)R."sv, "os.system"},
    {"(X\x04\0\0\0trueios\nsystem\n."sv, "os.system"},
    {"(cos\nsystem\nX\x04\0\0\0trueo."sv, "os.system"},
    {"(cos\nsystem\nX\x04\0\0\0trueo0N."sv, "os.system"},  // and thrown away
    {"csubprocess\nPopen\n)\x81."sv, "subprocess.Popen"},
    {"csubprocess\nPopen\n)}\x92."sv, "subprocess.Popen"},
    {"c__builtin__\neval\n)R."sv, "builtins.eval"},
    {"cfunctools\npartial\ncos\nsystem\n\x85R."sv, "os.system"},
    {"cbuiltins\nmap\ncos\nsystem\n]\x86R."sv, "os.system"},
    {"cmymod\nThing\n)}X\x03\0\0\0keycos\nsystem\ns\x92."sv, "os.system"},
    {"cfunctools\npartial\n)\x81(cos\nsystem\n)tb)R."sv, "os.system"},  // through the state of what is called
    {"\x8c\x05torch\x8c\x17serialization.os.system\x93)R."sv, "torch.serialization.os.system"},
    {"cbuiltins\ngetattr\nctorch\nserialization\nX\x02\0\0\0os\x86R."sv, "torch.serialization.os"},
    {"cbuiltins\ngetattr\ncbuiltins\ngetattr\nctorch\nserialization\nX\x02\0\0\0os\x86RX\x06\0\0\0system\x86R."sv,
     "torch.serialization.os"},
    {"cbuiltins\ngetattr\ncmymod\nThing\nX\x09\0\0\0__class__\x86R."sv, "mymod.Thing.__class__"},
    {"cbuiltins\ngetattr\nX\x00\0\0\0X\x09\0\0\0__class__\x86R."sv, "builtins.object.__class__"},
    {"cbuiltins\ngetattr\ncpathlib\nPosixPath\n)RX\x0a\0\0\0write_text\x86R."sv, "pathlib.PosixPath.write_text"},
    {"cos\nsystem\n)Rgarbage"sv, "os.system"},  // the stream breaks off after the payload
    {"ctorch.storage\n_load_from_bytes\nC\x00\x85R."sv, "torch.storage._load_from_bytes"},
};

TEST(Suspicion, CallsOfDangerousSymbolsAreDanger) {
  for (const Accusation& row : kAccusations) {
    const Load load = LoadBytes(row.bytes);
    EXPECT_GE(load.CountFindings("pickle.dangerous-symbol"), 1U) << testing::PrintToString(row.bytes) << load.failure;
    const SymbolUse* use = load.FindSymbol(row.symbol);
    ASSERT_NE(use, nullptr) << row.symbol;
    EXPECT_TRUE(use->would_call) << row.symbol;
    for (const Finding& finding : load.context.findings) {
      if (finding.id != "pickle.dangerous-symbol") continue;
      EXPECT_EQ(finding.severity, Severity::kDanger);
      EXPECT_THAT(finding.message, testing::StartsWith(std::string(row.symbol).substr(0, 8)));
    }
  }
}

TEST(Suspicion, NamesThatCannotBeFollowedAreDanger) {
  EXPECT_EQ(LoadBytes("cbuiltins\ngetattr\ncm\nC\ncm\nname\n)R\x86R."sv).CountFindings("pickle.hidden-name"), 1U);
}

TEST(Suspicion, ChangingAClassIsDanger) {
  const Load load = LoadBytes("ctorch\n_utils\n}b."sv);
  EXPECT_EQ(load.CountFindings("pickle.changes-class"), 1U);
}

TEST(Suspicion, ANameAloneIsAWarning) {
  const Load load = LoadBytes("]cos\nsystem\na."sv);
  ASSERT_EQ(load.context.findings.size(), 1U);
  EXPECT_EQ(load.context.findings[0].id, "pickle.dangerous-name");
  EXPECT_EQ(load.context.findings[0].severity, Severity::kWarning);
  EXPECT_EQ(load.context.findings[0].offset, 1U);
  EXPECT_FALSE(load.FindSymbol("os.system")->would_call);
}

TEST(Suspicion, WhatSkorchWritesIsNoDanger) {
  // A partial of its own function, a nested class through getattr, and print as the value of an attribute.
  for (const auto bytes :
       {"cfunctools\npartial\ncskorch.utils\noptimizer_setter\n\x85R(cskorch.utils\noptimizer_setter\n)}Ntb."sv,
        "cbuiltins\ngetattr\ncmymod\nOuter\nX\x05\0\0\0Inner\x86R)R."sv,
        "cm\nC\n)\x81}X\x04\0\0\0sinkcbuiltins\nprint\nsb."sv}) {
    const Load load = LoadBytes(bytes);
    EXPECT_EQ(load.failure, "");
    EXPECT_TRUE(load.context.findings.empty()) << testing::PrintToString(bytes) << load.context.findings[0].message;
  }
}

}  // namespace
}  // namespace airlock::pickle
