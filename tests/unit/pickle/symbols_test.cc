// The symbol table, and what is said of calls: one row for each published gadget, and the harmless neighbours that must
// not be accused.
#include "sandbox/pickle/symbols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <sstream>
#include <vector>

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
    // Neighbours of the published ones, by module
    {"torch", "UntypedStorage.from_file"},
    {"torch.storage", "UntypedStorage.from_file"},
    {"torch", "FloatStorage.from_file"},
    {"torch._C", "PyTorchFileWriter"},
    {"torch._C", "PyTorchFileReader"},
    {"torch._C", "import_ir_module"},
    {"torch._C", "import_ir_module_from_buffer"},
    {"torch._C", "_jit_set_emit_hooks"},
    {"torch.distributed.distributed_c10d", "_tensor_to_object"},
    {"torch.distributed", "broadcast_object_list"},
    {"torch._weights_only_unpickler", "load"},
    {"torch.package", "PackageImporter"},
    {"typing", "get_type_hints"},
    {"typing", "ForwardRef._evaluate"},
    {"annotationlib", "ForwardRef.evaluate"},
    {"argparse", "FileType"},
    {"optparse", "Values.read_file"},
    {"torch._utils", "_import_dotted_name"},
    {"uu", "decode"},
    {"readline", "write_history_file"},
    {"numpy", "add_newdoc"},
    {"numpy.core.function_base", "add_newdoc"},
    {"numpy", "ndarray.tofile"},
    {"string", "Formatter.get_field"},
    {"warnings", "_getcategory"},
    {"gettext", "c2py"},
    {"time", "sleep"},
    {"weakref", "finalize"},
    {"xml.sax", "make_parser"},
    {"hydra.utils", "instantiate"},
    {"six", "exec_"},
    {"keras.layers", "Lambda"},
    {"keras.src.utils.python_utils", "func_load"},
    {"botocore.vendored.requests", "get"},
    {"distributed.protocol.pickle", "loads"},
    {"ray.cloudpickle", "loads"},
    {"PIL.Image", "open"},
    {"antigravity", "fly"},
    {"idlelib.idle", "idlelib"},
    {"some.package.__main__", "main"},
    // Through another module's names
    {"torch", "serialization.os.system"},
    {"pathlib", "os.system"},
    {"pathlib", "Path.write_text"},
    {"torch.serialization", "os"},
    {"numpy", "testing._private.utils.runstring"},
    {"random", "_os.system"},
    {"tempfile", "_os"},
    {"pandas", "np.load"},
    {"sklearn.utils", "joblib.load"},
    {"mymod", "np.testing._private.utils.runstring"},
    {"mymod", "torch.load"},
    {"mymod", "Popen"},
    {"mymod", "Model.from_pretrained"},
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
                                {"copyreg", "extension.5"},
                                {"subprocess", "CalledProcessError"},
                                {"urllib.error", "HTTPError"},
                                {"socket", "SocketKind.SOCK_STREAM"},
                                {"requests.exceptions", "Timeout"},
                                {"http", "HTTPStatus"},
                                {"uuid", "SafeUUID.unknown"},
                                {"numpy.random._pickle", "__randomstate_ctor"},
                                {"numpy.random._pickle", "__bit_generator_ctor"},
                                {"random", "Random"},
                                {"operator", "itemgetter"},
                                {"logging", "Logger"},
                                {"sklearn.ensemble._forest", "RandomForestClassifier"},
                                {"sklearn.tree._tree", "Tree"},
                                {"xgboost.core", "Booster"},
                                {"joblib.memory", "Memory"},
                                {"torch._C._nn", "gelu"},
                                {"torch._dynamo.eval_frame", "OptimizedModule"},
                                {"torch.jit._script", "RecursiveScriptModule"},
                                {"ray.rllib.policy.policy", "PolicySpec"},
                                {"ultralytics.nn.tasks", "DetectionModel"},
                                {"transformers.training_args", "TrainingArguments"},
                                {"transformers.pipelines.text_classification", "TextClassificationPipeline"},
                                {"skimage.io.collection", "ImageCollection"},
                                {"torch", "trace"},
                                {"__main__", "Net"},
                                {"collections", "namedtuple"},
                                {"weakref", "WeakSet"},
                                {"dill._dill", "_load_type"},
                                {"mymod.evaluate", "Evaluator"}};
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

std::vector<std::string> WordsOf(std::string_view words) {
  std::istringstream stream{std::string(words)};
  return {std::istream_iterator<std::string>(stream), std::istream_iterator<std::string>()};
}

// Words with one blank between them, and a '*' only where it has a meaning.
void ExpectWords(std::string_view words, bool patterns) {
  std::string joined;
  for (const std::string& word : WordsOf(words)) {
    joined.append(joined.empty() ? "" : " ").append(word);
    const size_t star = word.find('*');
    EXPECT_TRUE(star == std::string::npos || (patterns && star == word.size() - 1)) << word;
  }
  EXPECT_EQ(words, joined);
}

TEST(SymbolTable, IsWellFormed) {
  std::map<std::pair<std::string, std::string>, int> seen;
  for (const SymbolTable& table : SymbolTables()) {
    EXPECT_FALSE(table.rows.empty());
    EXPECT_TRUE(std::ranges::is_sorted(table.modules, {}, [&](const ModuleRef& ref) { return table.ModuleOf(ref); }));
    for (const SymbolRow& row : table.rows) {
      EXPECT_EQ(row.symbol_class == SymbolClass::kDangerous, !Reason(row.family).empty()) << row.modules;
      EXPECT_EQ(row.symbol_class == SymbolClass::kDangerous, row.family != Family::kNone) << row.modules;
      ExpectWords(row.modules, false);
      ExpectWords(row.names, true);
      for (const std::string& module : WordsOf(row.modules)) {
        for (const std::string& name : WordsOf(row.names)) {
          EXPECT_EQ(++seen[std::pair(module, name)], 1) << module << ' ' << name;
          const std::string asked = name.substr(0, name.find('*'));
          if (asked.empty()) continue;
          EXPECT_EQ(Classify(module, asked).symbol_class, row.symbol_class) << module << ' ' << name;
        }
      }
    }
  }
  for (const std::string_view words : {WalkedModules(), VendoredModules(), FunctionsAnywhere()}) {
    ExpectWords(words, false);
  }
  for (const MethodRow& row : Methods()) ExpectWords(row.names, false);
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
    {"cantigravity\nfly\n."sv, "antigravity.fly"},                        // importing is enough
    {"ccopyreg\n__newobj__\ncm\nC\ncos\nsystem\n\x86R."sv, "os.system"},  // through what is understood
    {"cm\nC\n)\x81}X\x01\0\0\0fcos\nsystem\nsbq\x05"
     "0cm\ngo\nh\x05\x85R."sv,
     "os.system"},
    {"cbuiltins\ngetattr\nX\0\0\0\0X\x06\0\0\0tofile\x86R."sv, "builtins.object.tofile"},
    {"cbuiltins\ngetattr\ncm\nC\nX\x03\0\0\0_os\x86R."sv, "m.C._os"},
    {"cdill._dill\n_load_type\nX\x08\0\0\0CodeType\x85R."sv, "types.CodeType"},
    {"cnumpy.core\n_ufunc_reconstruct\nX\x02\0\0\0osX\x06\0\0\0system\x86R."sv, "os.system"},
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

TEST(Suspicion, HandingGetattrOnIsDanger) {
  for (const auto bytes :
       {"cfunctools\nreduce\ncbuiltins\ngetattr\n](X\x02\0\0\0osX\x06\0\0\0systemecm\nC\n\x87R."sv,
        "cm\nC\n)}X\x01\0\0\0fcbuiltins\ngetattr\ns\x92."sv, "cm\nC\n](cdill._dill\n_load_type\ne\x85R."sv}) {
    EXPECT_EQ(LoadBytes(bytes).CountFindings("pickle.hidden-name"), 1U) << testing::PrintToString(bytes);
  }
}

TEST(Suspicion, HandedIsWhateverCanBeReached) {
  std::string deep = "cm\nC\n" + std::string(100'000, ']') + "cos\nsystem\na" + std::string(99'999, 'a') + "\x85R.";
  EXPECT_EQ(LoadBytes(deep).CountFindings("pickle.dangerous-symbol"), 1U);
  std::string wide = "cm\nC\n(" + std::string(100'000, 'N') + "cos\nsystem\nl\x85R.";
  EXPECT_EQ(LoadBytes(wide).CountFindings("pickle.dangerous-symbol"), 1U);
  // What comes in after the call is in reach too.
  EXPECT_EQ(LoadBytes("cm\nC\n]q\0\x85R0h\0cos\nsystem\na."sv).CountFindings("pickle.dangerous-symbol"), 1U);
}

TEST(Suspicion, ChangingAClassIsDanger) {
  for (const auto bytes : {
           "ctorch\n_utils\n}b."sv,
           "cos\nenviron\nX\x04\0\0\0PATHX\x01\0\0\0.s."sv,
           "csys\npath\nX\x01\0\0\0.a."sv,
           "ctorch.serialization\n_package_registry\n(NNe."sv,
           "cm\nregistered\n(NK\x01\x90."sv,
           "cbuiltins\ngetattr\ncm\nC\nX\x01\0\0\0x\x86R}b."sv,
           "cbuiltins\ngetattr\ncm\nC\nX\x01\0\0\0x\x86RNNs."sv,
       }) {
    const Load load = LoadBytes(bytes);
    EXPECT_EQ(load.failure, "");
    EXPECT_EQ(load.CountFindings("pickle.changes-class"), 1U) << testing::PrintToString(bytes);
  }
}

TEST(Suspicion, ObjectsThatBringAnAddressAreDanger) {
  const std::string state = "}X\x13" + std::string(3, '\0') + "__array_interface__}s";
  for (const std::string& made : {std::string("cm\nC\n)\x81"), std::string("ccollections\nOrderedDict\n)R"),
                                  std::string("cargparse\nNamespace\n)\x81")}) {
    EXPECT_EQ(LoadBytes(made + state + "b.").CountFindings("pickle.claims-memory"), 1U) << made;
    EXPECT_EQ(LoadBytes(made + "N" + state + "\x86" + "b.").CountFindings("pickle.claims-memory"), 1U) << made;
  }
  // A dict that has the key is no object.
  EXPECT_EQ(LoadBytes(state + ".").context.findings.size(), 0U);
}

TEST(Suspicion, ObjectsThatBringWhatTheLoaderCallsAreDanger) {
  // A loader asks the object itself for __setstate__, append, extend and add.
  for (const auto bytes : {
           "cm\nC\n)\x81}X\x0c\0\0\0__setstate__cm\nf\nsbX\x04\0\0\0trueb."sv,
           "cm\nC\n)\x81N}X\x09\0\0\0__class__cm\nD\ns\x86"
           "b."sv,
           "cm\nC\n)\x81}X\x06\0\0\0appendcm\nf\nsbX\x04\0\0\0truea."sv,
           "cm\nC\n)\x81}X\x06\0\0\0extendcm\nf\nsb(X\x04\0\0\0truee."sv,
           "cm\nC\n)\x81}X\x03\0\0\0addcm\nf\nsb(X\x04\0\0\0true\x90."sv,
           "ccollections\nOrderedDict\n)R}X\x06\0\0\0appendcm\nf\nsbX\x04\0\0\0truea."sv,
           "ccollections\nOrderedDict\n)R}X\x0c\0\0\0__setstate__cm\nf\nsb}b."sv,
       }) {
    EXPECT_EQ(LoadBytes(bytes).CountFindings("pickle.hooked-object"), 1U) << testing::PrintToString(bytes);
  }
  // An attribute that is called so, of an object that nothing fills.
  EXPECT_EQ(LoadBytes("cm\nC\n)\x81}X\x03\0\0\0addcm\nf\nsb."sv).context.findings.size(), 0U);
  EXPECT_EQ(LoadBytes("cm\nC\n)\x81}X\x06\0\0\0appendK\x01sb(K\x01K\x02"
                      "e."sv)
                .context.findings.size(),
            0U);
}

TEST(Suspicion, ACallOfWhatIsNoNameIsNeverClean) {
  for (const auto bytes : {"K\x01)R."sv, "ccollections\nOrderedDict\n)R)R."sv, "cm\nC\n)R)R."sv, "]q\0)R."sv}) {
    EXPECT_EQ(LoadBytes(bytes).CountFindings("pickle.computed-call"), 1U) << testing::PrintToString(bytes);
  }
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
        "cnumpy.core\n_ufunc_reconstruct\nX\x0b\0\0\0numpy.umathX\x05\0\0\0log1p\x86R."sv,
        "cdill._dill\n_load_type\nX\x06\0\0\0object\x85R."sv, "cm\nC\n)\x81}X\x04\0\0\0sinkcbuiltins\nprint\nsb."sv}) {
    const Load load = LoadBytes(bytes);
    EXPECT_EQ(load.failure, "");
    EXPECT_TRUE(load.context.findings.empty()) << testing::PrintToString(bytes) << load.context.findings[0].message;
  }
}

}  // namespace
}  // namespace airlock::pickle
