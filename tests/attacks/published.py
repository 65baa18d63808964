"""Published bypasses of pickle scanners and of torch itself: one file for each, with the verdict that it must get, in every form
that a loader meets a pickle in. A name such as GHSA-vvpj is where the recipe was published."""
import base64
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import payloads
from judge import Judge, table
from payloads import MARKER, PROTO, Raw, call, name, packed, stack_symbol, symbol, text

ECHO = "echo marker"
CODE = "print('marker')"

# Where, and a call. Each must be dangerous.
GADGETS = table([
    ("CVE-2025-1716 pip", call("pip", "main", ["install", "marker"])),
    ("CVE-2025-10157 asyncio", call("asyncio.unix_events", "_UnixSubprocessTransport._start", None, ECHO)),
    ("CVE-2025-71364 asyncio subprocess", call("asyncio", "create_subprocess_shell", ECHO)),
    ("GHSA-vvpj resolve_name", Raw(call("pkgutil", "resolve_name", "os:system") + b"(" + MARKER + b"tR")),
    ("GHSA-84r2 methodcaller of locate", Raw(call("operator", "methodcaller", "system", ECHO) + b"(" + call("pydoc", "locate", "os") + b"tR")),
    ("GHSA-955r __import__ and methodcaller", Raw(call("_operator", "methodcaller", "system", ECHO) + b"(" + call("builtins", "__import__", "os") + b"tR")),
    ("GHSA-46h3 attrgetter", Raw(call("_operator", "attrgetter", "system") + b"(" + call("builtins", "__import__", "os") + b"tR")),
    ("GHSA-4675 ctypes", call("ctypes", "CDLL", "marker.so")),
    ("GHSA-vqmv pty", call("pty", "spawn", [ECHO])),
    ("GHSA-m273 write_file", call("distutils.file_util", "write_file", "marker", ["x"])),
    ("GHSA-xp4f ensurepip", call("ensurepip", "_run_pip", ["marker"])),
    ("CVE-2026-56315 uuid", call("uuid", "_get_command_stdout", "echo", "marker")),
    ("CVE-2026-56315 osx", call("_osx_support", "_read_output", ECHO)),
    ("CVE-2026-56315 aix", call("_aix_support", "_read_cmd_output", ECHO)),
    ("CVE-2026-56315 imaplib", call("imaplib", "IMAP4_stream", ECHO)),
    ("CVE-2026-56315 pager", call("_pyrepl.pager", "pipe_pager", "x", ECHO)),
    ("CVE-2026-56315 test.support", call("test.support.script_helper", "assert_python_ok", "-c", CODE)),
    ("GHSA-49gj cProfile.run", call("cProfile", "run", CODE)),
    ("GHSA-9w88 cProfile.runctx", call("cProfile", "runctx", CODE, {}, {})),
    ("GHSA-7wx9 profile.run", call("profile", "run", CODE)),
    ("GHSA-x696 Profile.run", call("profile", "Profile.run", call("profile", "Profile"), CODE)),
    ("GHSA-6vqj Profile.runctx", call("profile", "Profile.runctx", call("profile", "Profile"), CODE, {}, {})),
    ("GHSA-5qwp Trace.run", call("trace", "Trace.run", call("trace", "Trace"), CODE)),
    ("GHSA-g344 Trace.runctx", call("trace", "Trace.runctx", call("trace", "Trace"), CODE)),
    ("GHSA-fqq6 doctest", call("doctest", "debug_script", CODE)),
    ("GHSA-cj3c code", call("code", "InteractiveInterpreter.runcode", call("code", "InteractiveInterpreter"), CODE)),
    ("timeit", call("timeit", "timeit", CODE)),
    ("GHSA-3gf5 idlelib runcode", call("idlelib.pyshell", "ModifiedInterpreter.runcode", None, CODE)),
    ("CVE-2025-71357 idlelib runcommand", call("idlelib.pyshell", "ModifiedInterpreter.runcommand", None, CODE)),
    ("GHSA-3vg9 idlelib SetText", call("idlelib.debugobj", "ObjectTreeItem.SetText", None, CODE)),
    ("GHSA-6w4w idlelib get_entity", call("idlelib.autocomplete", "AutoComplete.get_entity", None, CODE)),
    ("GHSA-7cq8 idlelib fetch_completions", call("idlelib.autocomplete", "AutoComplete.fetch_completions", None, CODE, 0)),
    ("GHSA-8r4j idlelib calltip", call("idlelib.calltip", "get_entity", CODE)),
    ("GHSA-9xph idlelib fetch_tip", call("idlelib.calltip", "Calltip.fetch_tip", None, CODE)),
    ("GHSA-m869 idlelib Executive", call("idlelib.run", "Executive.runcode", None, CODE)),
    ("CVE-2025-71359 lib2to3 loads", call("lib2to3.pgen2.grammar", "Grammar.loads", None, b"x")),
    ("GHSA-p9w7 lib2to3 make_label", call("lib2to3.pgen2.pgen", "ParserGenerator.make_label", None, CODE)),
    ("CVE-2025-71350 collect_env", call("torch.utils.collect_env", "run", ECHO)),
    ("GHSA-jhph collect_env", call("torch.utils.collect_env", "run_and_read_all", name("m", "run"), ECHO)),
    ("GHSA-4r9r bottleneck", call("torch.utils.bottleneck.__main__", "run_cprofile", CODE, {})),
    ("GHSA-4whj bottleneck", call("torch.utils.bottleneck.__main__", "run_autograd_prof", CODE, {})),
    ("GHSA-86cj GuardBuilder", call("torch._dynamo.guards", "GuardBuilder.get", None, CODE)),
    ("GHSA-f4x7 ShapeEnv", call("torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression", None, CODE, [])),
    ("GHSA-h3qp basichandlers", call("torch.utils.data.datapipes.utils.decoder", "basichandlers", "pickle", b"x")),
    ("CVE-2025-71370 execWrapper", call("torch.jit.unsupported_tensor_ops", "execWrapper", CODE, {}, {})),
    ("GHSA-vv6j load_config", call("torch.utils._config_module", "ConfigModule.load_config", None, b"x")),
    ("compile_file", call("torch._inductor.codecache", "compile_file", "a", "b", ECHO)),
    ("partial of torch.load", Raw(call("functools", "partial", name("torch.serialization", "load")) + b"(" + text("marker") + b"tR")),
    ("CVE-2025-71372 getlincoef", call("numpy.f2py.crackfortran", "getlincoef", CODE, [])),
    ("CVE-2025-71339 _eval_length", call("numpy.f2py.crackfortran", "_eval_length", CODE, {})),
    ("CVE-2025-71365 myeval", call("numpy.f2py.crackfortran", "myeval", CODE)),
    ("CVE-2025-71347 param_eval", call("numpy.f2py.crackfortran", "param_eval", CODE, {}, {})),
    ("runstring", call("numpy.testing._private.utils", "runstring", CODE, {})),
    ("CVE-2025-46417 getline", call("linecache", "getline", "marker", 1)),
    ("CVE-2025-46417 certificate", call("ssl", "get_server_certificate", "marker.invalid")),
    ("GHSA-9726 FileIO", call("_io", "FileIO", "marker")),
    ("GHSA-9726 urlopen", call("urllib.request", "urlopen", "http://marker.invalid/")),
    ("GHSA-m7j5 FileHandler", call("logging", "FileHandler", "marker")),
    ("GHSA-9m3x _make_function", call("cloudpickle.cloudpickle", "_make_function", None, {})),
    ("GHSA-9m3x CodeType", call("types", "CodeType", 0)),
    ("GHSA-565g marshal", Raw(call("types", "FunctionType", call("marshal", "loads", b"x"), {}) + b")R")),
    ("GHSA-wfq2 runpy", call("runpy", "_run_code", CODE, {})),
    ("CVE-2026-22608 pydoc", call("pydoc", "locate", "os.system")),
    ("CVE-2026-22609 importlib", call("importlib", "import_module", "os")),
    ("CVE-2026-22609 multiprocessing", call("multiprocessing.util", "spawnv_passfds", ECHO, [], [])),
    ("GHSA-mhc9 smtplib", call("smtplib", "SMTP", "marker.invalid")),
    ("GHSA-mhc9 socketserver", call("socketserver", "TCPServer", "marker", None)),
    ("GHSA-mhc9 sqlite3", call("sqlite3", "connect", "marker")),
    ("GHSA-mhc9 signal", call("signal", "raise_signal", 15)),
    ("GHSA-5cxw platform", call("platform", "popen", ECHO)),
    ("GHSA-r48f difflib", call("difflib", "context_diff", "a", "b")),
    ("GHSA-r48f gc", call("gc", "get_objects")),
    ("GHSA-m6fh fork_exec", call("_posixsubprocess", "fork_exec", [ECHO])),
    ("GHSA-m6fh site", call("site", "addsitedir", "marker")),
    ("GHSA-m6fh atexit", call("atexit", "register", name("m", "f"))),
    ("GHSA-6ggj interpreters", call("_interpreters", "run_string", 0, CODE)),
    ("GHSA-6ggj subinterpreters", call("_xxsubinterpreters", "run_string", 0, CODE)),
    ("modelaudit pdb", call("pdb", "run", CODE)),
    ("modelaudit thread", call("_thread", "start_new_thread", name("m", "f"), [])),
    ("modelaudit joblib", call("joblib", "load", "marker")),
    ("modelscan mlflow", call("mlflow.projects", "run", "marker")),
    ("modelscan read_csv", call("pandas", "read_csv", "http://marker.invalid/")),
    ("modelscan pickle.loads", call("pickle", "loads", b"x")),
    ("GHSA-cffv the second of two names of one module", Raw(call("torch.hub", "get_dir") + b"0" + call("torch.hub", "load", "marker", "m"))),
    ("GHSA-wccx pickle._load", call("pickle", "_load", None)),
    ("GHSA-fphw _pickle.Unpickler", call("_pickle", "Unpickler", None)),
    ("modelscan transformers", call("transformers", "pipeline", "marker")),
    ("modelscan introspection", Raw(call("builtins", "getattr", call("builtins", "getattr", call("builtins", "getattr", "", "__class__"), "__base__"), "__subclasses__") + b")R")),
    ("modelscan 330 builtins of numpy", Raw(call("operator", "getitem", name("numpy", "__builtins__"), "eval") + b"(" + text(CODE) + b"tR")),
    ("CVE-2024-48063 RemoteModule", call("torch.distributed.nn.api.remote_module", "_remote_module_receiver", [])),
    ("CVE-2022-45907 parse_type_line", call("torch.jit.annotations", "parse_type_line", CODE, None, 0)),
    ("CVE-2024-5480 rpc", call("torch.distributed.rpc", "rpc_sync", "marker", name("m", "f"))),
    ("PickleBall write_text", call("pathlib", "Path.write_text", call("pathlib", "Path", "marker"), "x")),
    ("PickleBall torch.serialization.os", Raw(stack_symbol("torch", "serialization.os.system") + b"(" + MARKER + b"tR")),
    ("GHSA-5j3x pathlib.os", Raw(stack_symbol("pathlib", "os.system") + b"(" + MARKER + b"tR")),
    # Neighbours that nobody has published
    ("from_file", call("torch", "UntypedStorage.from_file", "marker", 1, 8)),
    ("PyTorchFileWriter", call("torch._C", "PyTorchFileWriter", "marker")),
    ("PyTorchFileReader", call("torch._C", "PyTorchFileReader", "marker")),
    ("import_ir_module", call("torch._C", "import_ir_module", None, "marker")),
    ("_tensor_to_object", call("torch.distributed.distributed_c10d", "_tensor_to_object", None, 4)),
    ("get_type_hints", call("typing", "get_type_hints", name("m", "C"))),
    ("FileType", call("argparse", "FileType", "w")),
    ("uu", call("uu", "decode", "marker")),
    ("readline", call("readline", "write_history_file", "marker")),
    ("add_newdoc", call("numpy", "add_newdoc", "os", "system", "x")),
    ("read_file of optparse", call("optparse", "Values.read_file", call("optparse", "Values"), "marker")),
    ("getattr of a format", Raw(call("builtins", "getattr", call("string", "Formatter"), "get_field") + b"(" + text("0.os.system") + b"tR")),
    ("a module's own import", Raw(stack_symbol("random", "_os.system") + b"(" + MARKER + b"tR")),
    ("another module's numpy", Raw(stack_symbol("pandas", "np.load") + b"(" + text("marker") + b"tR")),
    ("numpy's function by name", Raw(call("numpy.core", "_ufunc_reconstruct", "os", "system") + b"(" + MARKER + b"tR")),
    ("dill's type by name", call("dill._dill", "_load_type", "CodeType")),
    ("tofile of an object", Raw(call("builtins", "getattr", "", "tofile") + b"(" + text("marker") + b"tR")),
    ("import that runs", name("antigravity", "fly")),
])

SYSTEM = symbol("os", "system")
# How a call can be written, hidden, or made by the loader itself. Each must be dangerous.
STRUCTURES = table([
    ("GHSA-9gvj operand at index 0", b"S'os'\nS'system'\n\x93(S'echo marker'\ntR."),
    ("GHSA-mxhj OBJ then POP", PROTO + b"(" + SYSTEM + MARKER + b"o0N."),
    ("INST", b"(S'echo marker'\nios\nsystem\n."),
    ("INST of a dotted name", b"(S'echo marker'\nitorch\nserialization.os.system\n."),
    ("NEWOBJ", PROTO + symbol("subprocess", "Popen") + MARKER + b"\x85\x81."),
    ("NEWOBJ_EX", b"\x80\x04" + symbol("subprocess", "Popen") + b")}" + text("args") + MARKER + b"s\x92."),
    ("memo overwritten", PROTO + symbol("m", "f") + b"q\x01" + SYSTEM + b"q\x010h\x01" + MARKER + b"\x85R."),
    ("memo by other numbers", PROTO + SYSTEM + b"r\xff\xff\xff\x7f0j\xff\xff\xff\x7f" + MARKER + b"\x85R."),
    ("memo of texts", b"\x80\x04" + text("os") + b"\x940" + text("system") + b"\x940" + text("x") + b"0h\x00h\x01\x93" + MARKER + b"\x85R."),
    ("DUP and POP before STACK_GLOBAL", b"\x80\x04" + text("os") + b"2" + b"0" + text("system") + b"\x93" + MARKER + b"\x85R."),
    ("payload, then garbage", PROTO + SYSTEM + MARKER + b"\x85R\xff\xff"),
    ("payload, then a call of nothing", PROTO + SYSTEM + MARKER + b"\x85R" + symbol("m", "missing") + b"h\x63."),
    ("GHSA-r7v6 BUILD hides it", PROTO + SYSTEM + MARKER + b"\x85R}" + text("a") + b"Nsb."),
    ("GHSA-h4rm getattr of a module", PROTO + call("builtins", "getattr", name("torch", "serialization"), "os") + b"."),
    ("sys.modules rebound", PROTO + symbol("torch", "_utils") + b"}" + text("x") + name("m", "f") + b"sb."),
    ("sys.modules as a dict", PROTO + symbol("sys", "modules") + text("torch") + symbol("m", "evil") + b"s."),
    ("sys.path appended to", PROTO + symbol("sys", "path") + text("marker") + b"a."),
    ("environment set", PROTO + symbol("os", "environ") + text("PATH") + text("marker") + b"s."),
    ("torch's own registry", PROTO + symbol("torch.serialization", "_package_registry") + b"](NNNea."),
    ("what getattr reached is rebuilt", PROTO + call("builtins", "getattr", name("torch", "nn"), "Module") + b"}" + text("f") + name("m", "f") + b"sb."),
    ("append of its own", PROTO + symbol("argparse", "Namespace") + b")\x81}" + text("append") + SYSTEM + b"sb" + MARKER + b"a."),
    ("extend of its own", PROTO + symbol("argparse", "Namespace") + b")\x81}" + text("extend") + SYSTEM + b"sb(" + MARKER + b"e."),
    ("add of its own", b"\x80\x04" + symbol("argparse", "Namespace") + b")\x81}" + text("add") + SYSTEM + b"sb(" + MARKER + b"\x90."),
    ("__setstate__ of its own", PROTO + symbol("argparse", "Namespace") + b")\x81}" + text("__setstate__") + SYSTEM + b"sb" + MARKER + b"b."),
    ("__setstate__ of an OrderedDict", PROTO + symbol("collections", "OrderedDict") + b")R}" + text("__setstate__") + SYSTEM + b"sb" + MARKER + b"b."),
    ("append of an OrderedDict", PROTO + symbol("collections", "OrderedDict") + b")R}" + text("append") + SYSTEM + b"sb" + MARKER + b"a."),
    ("another class by its slots", PROTO + symbol("m", "C") + b")\x81N}" + text("__class__") + symbol("m", "D") + b"s\x86b."),
    ("in a deep list", PROTO + symbol("m", "f") + b"]" * 5000 + SYSTEM + b"a" * 5000 + b"\x85R."),
    ("put in after the call", PROTO + symbol("m", "f") + b"]q\0\x85R0h\0" + SYSTEM + b"a."),
    ("in the key of a dict", PROTO + symbol("m", "f") + b"}" + SYSTEM + b"Ns\x85R."),
    ("in kwargs", b"\x80\x04" + symbol("m", "C") + b")}" + text("g") + SYSTEM + b"s\x92."),
    ("getattr handed to reduce", PROTO + call("functools", "reduce", name("builtins", "getattr"), ["os", "system"], name("torch", "serialization")) + MARKER + b"\x85R."),
    ("getattr with a computed name", PROTO + call("builtins", "getattr", name("m", "C"), call("m", "name")) + b"."),
    ("class by copyreg", PROTO + call("copyreg", "_reconstructor", name("subprocess", "Popen"), name("builtins", "object"), None) + b"."),
    ("list filled by a call", PROTO + call("builtins", "list", call("builtins", "map", name("builtins", "eval"), [CODE])) + b"."),
    ("callable kept by a defaultdict", PROTO + call("collections", "defaultdict", name("os", "system")) + b"."),
    ("callable kept by a partial", PROTO + call("functools", "partial", name("os", "system"), ECHO) + b"."),
    ("partial of a partial", PROTO + call("functools", "partial", call("functools", "partial", name("os", "system")), ECHO) + b")R."),
    ("protocol 0 throughout", b"cos\nsystem\n(S'echo marker'\ntR."),
    ("python 2 names", b"c__builtin__\neval\n(S'1'\ntR."),
    ("python 2 commands", b"ccommands\ngetoutput\n(S'echo marker'\ntR."),
])

# Not a call of anything dangerous, and yet never clean.
UNCLEAR = table([
    ("modelaudit EXT1", PROTO + b"\x82\x05."),
    ("modelaudit EXT4", PROTO + b"\x84\x05\x00\x00\x00."),
    ("ShadowPickle OrderedDict of a call", PROTO + call("collections", "OrderedDict", call("m", "f")) + b"."),
    ("codec other than latin1", PROTO + call("_codecs", "encode", "x", "rot13") + b"."),
    ("bytearray of a number", PROTO + call("builtins", "bytearray", 1 << 30) + b"."),
    ("unknown class", PROTO + symbol("project", "Net") + b")\x81."),
    ("dangerous name alone", PROTO + b"]" + SYSTEM + b"a."),
    ("call of a number", PROTO + b"K\x01)R."),
    ("call of a call", PROTO + call("project", "make") + b")R."),
    ("known class by NEWOBJ_EX", b"\x80\x04" + symbol("collections", "OrderedDict") + b")}" + text("a") + b"Ns\x92."),
    ("leftover stack", PROTO + b"]]."),
])

# Broken, whichever reader reads it: not clean, and no crash.
BROKEN = table([
    ("keyerror-exploit", PROTO + b"h\x05."),
    ("type confusion of a name", b"\x80\x04K\x01" + text("system") + b"\x93."),
    ("negative EXT4", PROTO + b"\x84\xff\xff\xff\xff."),
    ("EXT1 of 0", PROTO + b"\x82\x00."),
    ("CVE-2026-24747 SETITEM on a number", PROTO + b"K\x01NNs."),
    ("CVE-2026-24747 SETITEMS on a list", PROTO + b"](K\x00Nu."),
    ("odd SETITEMS", PROTO + b"}(K\x00K\x01K\x02u."),
    ("LONG with 0x", b"L0x10L\n."),
    ("INT bool of two", b"I02\n\xff."),
    ("INT of 0x", b"I0x10\n."),
    ("STOP on an empty stack", PROTO + b"."),
    ("BINSTRING of a negative length", PROTO + b"T\xff\xff\xff\xff."),
    ("LONG4 of a negative length", PROTO + b"\x8b\xff\xff\xff\xff."),
    ("PUT of a huge number", b"Np99999999999999999999999\n."),
    ("STOP under a mark", PROTO + b"N(."),
    ("cpython 154848 frame straddle", b"\x80\x04\x95\x05\0\0\0\0\0\0\0" + b"\x8c\x06system" + b"."),
    ("frame past the end", b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN."),
    ("frame in a frame", b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x95\x01\0\0\0\0\0\0\0N."),
    ("out-of-band buffer", b"\x80\x05\x97."),
    ("out-of-band buffer made read-only", b"\x80\x05\x97\x98."),
])

HARMLESS = table([
    ("skorch partial and print", "unknown_types",
     PROTO + call("functools", "partial", name("skorch.setter", "optimizer_setter")) + b"0" + symbol("skorch.callbacks.logging", "PrintLog") + b")\x81}" + text("sink") + symbol("builtins", "print") + b"sb."),
    ("YOLO getattr", "unknown_types", PROTO + call("builtins", "getattr", name("ultralytics.nn.modules.head", "Detect"), "forward") + b"."),
    ("numpy RNG", "clean", PROTO + call("numpy.random._pickle", "__randomstate_ctor", "MT19937") + b"."),
    ("numpy function", "unknown_types", PROTO + call("numpy.core", "_ufunc_reconstruct", "numpy.core._multiarray_umath", "log1p") + b"."),
    ("exception class", "unknown_types", PROTO + call("subprocess", "CalledProcessError", 1, "x") + b"."),
    ("logger", "unknown_types", PROTO + call("logging", "getLogger", "lightning") + b"."),
    ("sklearn estimator", "unknown_types", PROTO + symbol("sklearn.linear_model._base", "LinearRegression") + b")\x81}" + text("fit_intercept") + b"\x88sb."),
    ("enum by getattr", "unknown_types", PROTO + call("builtins", "getattr", name("project.config", "Mode"), "TRAIN") + b"."),
    ("list subclass filled", "unknown_types", PROTO + symbol("skorch.history", "History") + b")\x81(K\x01K\x02e."),
    ("dill type", "unknown_types", PROTO + call("dill._dill", "_load_type", "object") + b"."),
    ("plain data", "clean", PROTO + packed({"epoch": 3, "lr": [1, 2], "name": "os.system", "raw": b"cos\nsystem\n"}) + b"."),
    ("tensor", "clean", payloads.tensor()),
])


EVIL = PROTO + SYSTEM + MARKER + b"\x85R."
GOOD = PROTO + b"}."
EVAL_MAGIC = PROTO + call("builtins", "eval", "0x1950a86a20f9469cfc6c") + b"."
ELSEWHERE = table([
    ("CVE-2025-1889 another extension", payloads.in_zip(GOOD, [("config.p", EVIL)]), ("unknown_types",)),
    ("CVE-2025-1889 text", payloads.in_zip(GOOD, [("data.txt", b"cos\nsystem\n(S'echo marker'\ntR.")]), ("unknown_types",)),
    ("CVE-2025-1889 in a tar", payloads.in_tar(GOOD, more=EVIL), ("unknown_types",)),
    ("CVE-2025-1889 an extra file of TorchScript", payloads.in_script(GOOD, members=[("extra/notes.txt", EVIL)]), ("unknown_types",)),
    ("CVE-2026-53875 magic by a call", EVAL_MAGIC + payloads.in_legacy(GOOD)[len(payloads.MAGIC):], ("dangerous",)),
    ("version of a legacy stream by a call", payloads.in_legacy(GOOD).replace(b"M\xe9\x03", SYSTEM + MARKER + b"\x85R"), ("dangerous",)),
    ("keys of a legacy stream by a call", payloads.in_legacy(GOOD)[:-len(b"\x80\x02]q\x00.")] + EVIL, ("dangerous",)),
    *((f"CVE-2025-32434 {member} of a tar", payloads.in_tar(GOOD, **{member: EVIL}), ("dangerous",)) for member in ("sys_info", "storages", "tensors")),
    ("constants of TorchScript", payloads.in_script(GOOD, EVIL), ("dangerous",)),
    ("traced inputs of TorchScript", payloads.in_script(GOOD, members=[("traced_inputs.pkl", EVIL)]), ("dangerous",)),
])


class Published(Judge):
    def test_gadgets_are_dangerous_in_every_form(self):
        for form, write in self.forms().items():
            for what, payload in GADGETS:
                with self.subTest(what, form=form):
                    report = self.expect(write(PROTO + payload + b"."), "dangerous")
                    self.assertTrue(any(s["would_call"] and s["class"] == "dangerous" for s in report["symbols"])
                                    or report["findings"], report)

    def test_structures_are_dangerous_in_every_form(self):
        for form, write in self.forms().items():
            for what, stream in STRUCTURES:
                with self.subTest(what, form=form):
                    self.expect(write(stream), "dangerous")

    def test_what_is_unclear_is_never_clean(self):
        for form, write in self.forms().items():
            for what, stream in UNCLEAR:
                with self.subTest(what, form=form):
                    self.expect(write(stream), "unknown_types")

    def test_broken_streams_are_never_clean(self):
        for form, write in self.forms().items():
            for what, stream in BROKEN:
                with self.subTest(what, form=form):
                    self.expect(write(stream), "malformed", "unsupported")

    def test_harmless_neighbours_are_not_accused(self):
        for what, verdict, stream in HARMLESS:
            with self.subTest(what):
                self.expect(payloads.in_zip(stream), verdict)

    def test_streams_that_loaders_find_elsewhere(self):
        """Files whose pickle is not where a scanner looks."""
        for what, data, verdicts in ELSEWHERE:
            with self.subTest(what):
                self.expect(data, *verdicts)

    def test_a_pickle_under_the_suffix_of_another_format(self):
        for suffix in (".bin", ".pt", ".txt", ".safetensors", ".npy", ".onnx", ""):
            with self.subTest(suffix):
                self.expect(PROTO + SYSTEM + MARKER + b"\x85R.", "dangerous", suffix=suffix)

    def test_a_nested_stream_that_is_only_bytes_runs_nothing(self):
        evil = PROTO + SYSTEM + MARKER + b"\x85R."
        report = self.expect(payloads.in_zip(b"\x80\x03" + packed(evil) + b"."), "clean", "unknown_types", "dangerous")
        self.assertNotEqual(report["verdict"], "refused")
        self.expect(payloads.in_zip(PROTO + packed(base64.b64encode(evil).decode()) + b"."), "clean")


if __name__ == "__main__":
    unittest.main(verbosity=2)
