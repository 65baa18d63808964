#include "sandbox/pickle/symbol_table.h"

namespace airlock::pickle {
namespace {

constexpr SymbolRow Known(Builder builder, std::string_view module, std::string_view names) {
  return {SymbolClass::kKnown, builder, Family::kNone, module, names};
}
// An exception from a "*" row: kept as inert records, and no finding.
constexpr SymbolRow Harmless(std::string_view module, std::string_view names) {
  return {SymbolClass::kUnknown, Builder::kNone, Family::kNone, module, names};
}
constexpr SymbolRow Danger(Family family, std::string_view module, std::string_view names = "*") {
  return {SymbolClass::kDangerous, Builder::kNone, family, module, names};
}

using B = Builder;
using F = Family;

constexpr SymbolRow kRows[] = {
    // --- Understood: Python's own
    // -------------------------------------------------------------------------------------
    Known(B::kOrderedDict, "collections", "OrderedDict"),
    Known(B::kDict, "builtins", "dict"),
    Known(B::kSet, "builtins", "set"),
    Known(B::kFrozenSet, "builtins", "frozenset"),
    Known(B::kList, "builtins", "list"),
    Known(B::kTuple, "builtins", "tuple"),
    Known(B::kByteArray, "builtins", "bytearray"),
    Known(B::kBytes, "builtins", "bytes"),
    Known(B::kComplex, "builtins", "complex"),
    Known(B::kCodecsEncode, "_codecs", "encode"),
    Known(B::kReconstructor, "copyreg", "_reconstructor"),
    Known(B::kNewObject, "copyreg", "__newobj__"),
    Known(B::kDefaultDict, "collections", "defaultdict"),
    Known(B::kCounter, "collections", "Counter"),
    Known(B::kDeque, "collections", "deque"),
    Known(B::kAttributes, "collections", "UserDict UserList UserString ChainMap"),
    Known(B::kNumberArray, "array", "array"),
    Known(B::kNumberArrayFromBytes, "array", "_array_reconstructor"),
    Known(B::kDate, "datetime", "date"),
    Known(B::kDateTime, "datetime", "datetime"),
    Known(B::kTime, "datetime", "time"),
    Known(B::kTimeDelta, "datetime", "timedelta"),
    Known(B::kTimeZone, "datetime", "timezone"),
    Known(B::kDecimal, "decimal", "Decimal"),
    Known(B::kFraction, "fractions", "Fraction"),
    Known(B::kRange, "builtins", "range"),
    Known(B::kSlice, "builtins", "slice"),
    Known(B::kUuid, "uuid", "UUID"),
    Known(B::kEnum, "uuid", "SafeUUID"),
    Known(B::kPath, "pathlib", "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath"),
    Known(B::kPath, "pathlib._local", "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath"),
    Known(B::kPattern, "re", "_compile"),
    Known(B::kEnum, "re", "RegexFlag"),
    Known(B::kAttributes, "argparse", "Namespace"),
    Known(B::kAttributesByCall, "types", "SimpleNamespace"),
    Known(B::kPartial, "functools", "partial"),
    Known(B::kRandom, "random", "Random"),
    Known(B::kObject, "builtins", "object"),
    Known(B::kException, "builtins",
          "ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError "
          "BrokenPipeError BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError "
          "ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError EncodingWarning EnvironmentError "
          "Exception ExceptionGroup FileExistsError FileNotFoundError FloatingPointError FutureWarning "
          "GeneratorExit IOError ImportError ImportWarning IndentationError IndexError InterruptedError "
          "IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError "
          "NotADirectoryError NotImplementedError OSError OverflowError PendingDeprecationWarning PermissionError "
          "ProcessLookupError PythonFinalizationError RecursionError ReferenceError ResourceWarning RuntimeError "
          "RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError SystemExit "
          "TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError "
          "UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning WindowsError ZeroDivisionError "
          "_IncompleteInputError"),
    Known(B::kSlots, "traceback", "FrameSummary"),
    Known(B::kListSubclass, "traceback", "StackSummary"),
    // Types, as configurations hold them. All that a loader does is to look the name up.
    Known(B::kName, "builtins", "bool int float str memoryview Ellipsis NotImplemented"),
    Known(B::kName, "typing",
          "Any Optional Union List Dict Tuple Set FrozenSet Type Callable Sequence MutableSequence Mapping "
          "MutableMapping Iterable Iterator Collection Hashable Sized Text Literal Final ClassVar DefaultDict "
          "OrderedDict Counter Deque ChainMap Generator NoReturn"),
    Known(B::kTypeOf, "builtins", "type"),
    Known(B::kAlias, "operator", "getitem"),
    Known(B::kAlias, "_operator", "getitem"),
    Known(B::kAlias, "types", "GenericAlias"),
    Known(B::kUnion, "functools", "reduce"),
    Known(B::kUnion, "_functools", "reduce"),
    Known(B::kFlagUnion, "operator", "or_"),
    Known(B::kFlagUnion, "_operator", "or_"),
    {SymbolClass::kUnknown, B::kGetattr, F::kNone, "builtins", "getattr"},

    // --- Understood: configurations and plain data of libraries
    // --------------------------------------------------------------
    // Carriers of data, and nothing but: a loader that had them would fill attributes or a dict, and reading them takes
    // none of their code. Values that OmegaConf would compute ("${a.b}") stand in them as the text that they are.
    Known(B::kAttributes, "omegaconf.dictconfig", "DictConfig"),
    Known(B::kAttributes, "omegaconf.listconfig", "ListConfig"),
    Known(B::kAttributes, "omegaconf.base", "Metadata ContainerMetadata UnionNode"),
    Known(B::kAttributes, "omegaconf.nodes",
          "AnyNode StringNode IntegerNode FloatNode BooleanNode BytesNode PathNode EnumNode UnionNode "
          "InterpolationResultNode"),
    Known(B::kDictSubclass, "lightning.fabric.utilities.data", "AttributeDict"),
    Known(B::kDictSubclass, "lightning_fabric.utilities.data", "AttributeDict"),
    Known(B::kDictSubclass, "lightning.pytorch.utilities.parsing", "AttributeDict"),
    Known(B::kDictSubclass, "pytorch_lightning.utilities.parsing", "AttributeDict"),
    Known(B::kDictSubclass, "yacs.config", "CfgNode"),
    Known(B::kDictSubclass, "easydict", "EasyDict"),
    // What torch itself takes for plain data in weights_only loads, or writes into the metadata of a distributed
    // checkpoint. Dataclasses, named tuples and classes of C++ alike: fields as they were written.
    Known(B::kPlainRecord, "torch.distributed._mesh_layout", "_MeshLayout _FlatLayout"),
    Known(B::kPlainRecord, "torch.distributed._pycute.layout", "Layout"),
    Known(B::kPlainRecord, "torch.distributed.device_mesh", "DeviceMesh"),
    Known(B::kPlainRecord, "torch.distributed.tensor._dtensor_spec", "DTensorSpec TensorMeta ShardOrderEntry"),
    Known(B::kPlainRecord, "torch.distributed.tensor.placement_types",
          "Shard Replicate Partial _StridedShard _MaskPartial MaskPartial Placement"),
    Known(B::kPlainRecord, "torch.distributed._tensor.placement_types",
          "DTensorSpec TensorMeta Shard Replicate Partial _Partial _StridedShard"),
    Known(B::kPlainRecord, "torch.distributed._tensor.device_mesh", "DeviceMesh"),
    Known(B::kPlainRecord, "torch._dynamo.decorators", "_DimRange"),
    Known(B::kPlainRecord, "torch.distributed.checkpoint.metadata",
          "Metadata TensorStorageMetadata TensorProperties ChunkStorageMetadata BytesStorageMetadata MetadataIndex "
          "StorageMeta"),
    Known(B::kPlainRecord, "torch.distributed.checkpoint.filesystem", "_StorageInfo _StoragePrefix"),
    Known(B::kEnum, "torch.distributed.checkpoint.metadata", "_MEM_FORMAT_ENCODING"),
    Known(B::kEnum, "torch.distributed.fsdp.api", "ShardingStrategy BackwardPrefetch StateDictType"),
    Known(B::kEnum, "torch.cuda.amp.grad_scaler", "OptState"),
    Known(B::kEnum, "torch.amp.grad_scaler", "OptState"),
    Known(B::kEnum, "torch.ao.quantization.quant_type", "QuantType"),

    // --- Understood: torch's, by the Constructor
    // ------------------------------------------------------------------------
    Known(B::kExternal, "torch._utils",
          "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state "
          "_rebuild_qtensor"),
    Known(B::kExternal, "torch._tensor", "_rebuild_from_type_v2"),
    Known(B::kExternal, "torch.nn.parameter", "Parameter"),
    Known(B::kExternal, "torch.serialization", "_get_layout"),
    Known(B::kExternal, "torch.storage", "UntypedStorage TypedStorage"),
    Known(B::kExternal, "torch", "Size device Tensor"),
    Known(B::kExternal, "torch",
          "DoubleStorage FloatStorage HalfStorage LongStorage IntStorage ShortStorage CharStorage ByteStorage "
          "BoolStorage "
          "BFloat16Storage ComplexDoubleStorage ComplexFloatStorage QInt8Storage QInt32Storage QUInt8Storage "
          "QUInt4x2Storage QUInt2x4Storage"),
    Known(B::kExternal, "torch",
          "BFloat16Tensor BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor LongTensor "
          "ShortTensor"),
    Known(B::kExternal, "torch.cuda",
          "BFloat16Tensor BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor LongTensor "
          "ShortTensor"),
    Known(B::kExternal, "torch.cuda",
          "DoubleStorage FloatStorage HalfStorage LongStorage IntStorage ShortStorage CharStorage ByteStorage "
          "BoolStorage "
          "BFloat16Storage ComplexDoubleStorage ComplexFloatStorage"),
    Known(
        B::kExternal, "torch",
        "float16 float32 float64 half float double bfloat16 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz "
        "float8_e8m0fnu float4_e2m1fn_x2 int1 int2 int3 int4 int5 int6 int7 int8 int16 int32 int64 short int long "
        "uint1 "
        "uint2 uint3 uint4 uint5 uint6 uint7 uint8 uint16 uint32 uint64 bool complex32 complex64 complex128 cfloat "
        "cdouble chalf bcomplex32 bits8 bits16 bits1x8 bits2x4 bits4x2 qint8 qint32 quint8 quint4x2 quint2x4"),
    Known(B::kExternal, "torch",
          "per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric "
          "per_channel_affine_float_qparams"),

    // --- Code execution
    // ---------------------------------------------------------------------------------------------------
    Danger(
        F::kExecution, "builtins",
        "eval exec execfile compile __import__ __build_class__ apply breakpoint reload input raw_input help exit quit"),
    Danger(F::kExecution, "os"),
    Danger(F::kExecution, "posix"),
    Danger(F::kExecution, "nt"),
    Danger(F::kExecution, "posixpath"),
    Danger(F::kExecution, "ntpath"),
    Danger(F::kExecution, "subprocess"),
    Danger(F::kExecution, "_posixsubprocess"),
    Danger(F::kExecution, "_winapi"),
    Danger(F::kExecution, "_subprocess"),
    Danger(F::kExecution, "popen2"),
    Danger(F::kExecution, "pipes"),
    Danger(F::kExecution, "pty"),
    Danger(F::kExecution, "runpy"),
    Danger(F::kExecution, "code"),
    Danger(F::kExecution, "codeop"),
    Danger(F::kExecution, "bdb"),
    Danger(F::kExecution, "pdb"),
    Danger(F::kExecution, "timeit"),
    Danger(F::kExecution, "profile"),
    Danger(F::kExecution, "cProfile"),
    Danger(F::kExecution, "_lsprof"),
    Danger(F::kExecution, "pstats"),
    Danger(F::kExecution, "hotshot"),
    Danger(F::kExecution, "trace"),
    Danger(F::kExecution, "tracemalloc"),
    Danger(F::kExecution, "faulthandler"),
    Danger(F::kExecution, "doctest"),
    Danger(F::kExecution, "unittest"),
    Danger(F::kExecution, "test"),
    Danger(F::kExecution, "_pytest"),
    Danger(F::kExecution, "pytest"),
    Danger(F::kExecution, "nose"),
    Danger(F::kExecution, "idlelib"),
    Danger(F::kExecution, "lib2to3"),
    Danger(F::kExecution, "_pyrepl"),
    Danger(F::kExecution, "rlcompleter"),
    Danger(F::kExecution, "cmd"),
    Danger(F::kExecution, "pydoc"),
    Danger(F::kExecution, "pydoc_data"),
    Danger(F::kExecution, "ctypes"),
    Danger(F::kExecution, "_ctypes"),
    Danger(F::kExecution, "cffi"),
    Danger(F::kExecution, "_cffi_backend"),
    Danger(F::kExecution, "multiprocessing"),
    Danger(F::kExecution, "_multiprocessing"),
    Danger(F::kExecution, "concurrent"),
    Danger(F::kExecution, "threading"),
    Danger(F::kExecution, "_thread"),
    Danger(F::kExecution, "_threading_local"),
    Danger(F::kExecution, "asyncio"),
    Danger(F::kExecution, "_asyncio"),
    Danger(F::kExecution, "sched"),
    Danger(F::kExecution, "signal"),
    Danger(F::kExecution, "_signal"),
    Danger(F::kExecution, "atexit"),
    Danger(F::kExecution, "_interpreters"),
    Danger(F::kExecution, "_xxsubinterpreters"),
    Danger(F::kExecution, "_xxinterpchannels"),
    Danger(F::kExecution, "_interpchannels"),
    Danger(F::kExecution, "interpreters"),
    Danger(F::kExecution, "_testcapi"),
    Danger(F::kExecution, "_testinternalcapi"),
    Danger(F::kExecution, "platform"),
    Danger(F::kExecution, "_osx_support"),
    Danger(F::kExecution, "_aix_support"),
    Danger(F::kExecution, "_bootsubprocess"),
    Danger(F::kExecution, "sysconfig"),
    Danger(F::kExecution, "_sysconfig"),
    Danger(F::kExecution, "uuid"),
    Danger(F::kExecution, "cgitb"),
    Danger(F::kExecution, "mailcap"),
    Danger(F::kExecution, "turtle"),
    Danger(F::kExecution, "turtledemo"),
    Danger(F::kExecution, "tkinter"),
    Danger(F::kExecution, "_tkinter"),
    Danger(F::kExecution, "this"),
    Danger(F::kExecution, "sh"),
    Danger(F::kExecution, "plumbum"),
    Danger(F::kExecution, "pexpect"),
    Danger(F::kExecution, "ptyprocess"),
    Danger(F::kExecution, "invoke"),
    Danger(F::kExecution, "fabric"),
    Danger(F::kExecution, "psutil"),
    Danger(F::kExecution, "IPython"),
    Danger(F::kExecution, "ipykernel"),
    Danger(F::kExecution, "jinja2"),
    Danger(F::kExecution, "mako"),
    Danger(F::kExecution, "py_compile"),
    Danger(F::kExecution, "compileall"),
    Danger(F::kExecution, "dis"),
    Danger(F::kExecution, "symtable"),
    Danger(F::kExecution, "cython"),
    Danger(F::kExecution, "Cython"),
    Danger(F::kExecution, "pyximport"),
    Danger(F::kExecution, "gevent"),
    Danger(F::kExecution, "eventlet"),
    Danger(F::kExecution, "ray"),
    Danger(F::kExecution, "mpi4py"),

    // --- Import machinery and installers
    // ------------------------------------------------------------------------------
    Danger(F::kImport, "importlib"),
    Danger(F::kImport, "_frozen_importlib"),
    Danger(F::kImport, "_frozen_importlib_external"),
    Danger(F::kImport, "importlib_metadata"),
    Danger(F::kImport, "importlib_resources"),
    Danger(F::kImport, "pkgutil"),
    Danger(F::kImport, "imp"),
    Danger(F::kImport, "_imp"),
    Danger(F::kImport, "zipimport"),
    Danger(F::kImport, "modulefinder"),
    Danger(F::kImport, "sys"),
    Harmless("sys", "intern"),
    Danger(F::kImport, "site"),
    Danger(F::kImport, "sitecustomize"),
    Danger(F::kImport, "usercustomize"),
    Danger(F::kImport, "pip"),
    Danger(F::kImport, "ensurepip"),
    Danger(F::kImport, "venv"),
    Danger(F::kImport, "virtualenv"),
    Danger(F::kImport, "distutils"),
    Danger(F::kImport, "setuptools"),
    Danger(F::kImport, "pkg_resources"),
    Danger(F::kImport, "wheel"),
    Danger(F::kImport, "conda"),
    Danger(F::kImport, "zipapp"),
    Danger(F::kImport, "six", "moves add_move remove_move"),
    Danger(F::kImport, "six.moves"),

    // --- Loaders that would open another stream without these rules
    // ----------------------------------------------------
    Danger(F::kLoader, "pickle"),
    Danger(F::kLoader, "_pickle"),
    Danger(F::kLoader, "_compat_pickle"),
    Danger(F::kLoader, "pickletools"),
    Danger(F::kLoader, "marshal"),
    Danger(F::kLoader, "shelve"),
    Danger(F::kLoader, "dill"),
    Danger(F::kLoader, "cloudpickle"),
    Danger(F::kLoader, "jsonpickle"),
    Danger(F::kLoader, "pickle5"),
    Danger(F::kLoader, "yaml", "load load_all unsafe_load full_load unsafe_load_all"),
    Danger(F::kLoader, "joblib", "load dump Memory Parallel"),
    Danger(F::kLoader, "joblib.numpy_pickle", "load load_temporary_memmap dump _unpickle"),
    Danger(F::kLoader, "joblib.numpy_pickle_compat", "load_compatibility"),
    Danger(F::kLoader, "joblib.externals"),
    Danger(F::kLoader, "joblib.memory"),
    Danger(F::kLoader, "sklearn.externals.joblib"),
    Danger(F::kLoader, "skops.io"),
    Danger(F::kLoader, "torch", "load save"),
    Danger(F::kLoader, "torch.serialization",
           "load save _load _legacy_load _save _legacy_save _open_file _open_file_like _open_zipfile_reader "
           "add_safe_globals register_package"),
    Danger(F::kLoader, "torch.storage", "_load_from_bytes _share_memory_lock"),
    Danger(F::kLoader, "torch.jit", "load save jit_module_from_flatbuffer script trace CompilationUnit"),
    Danger(F::kLoader, "torch.jit._serialization"),
    Danger(F::kLoader, "torch.package"),
    Danger(F::kLoader, "torch.hub"),
    Danger(F::kLoader, "torch.utils.model_zoo"),
    Danger(F::kLoader, "torch.utils.data.datapipes"),
    Danger(F::kLoader, "torch.export", "load save"),
    Danger(F::kLoader, "torch.distributed.checkpoint", "load save load_state_dict"),
    Danger(F::kLoader, "torch.ao.quantization._learnable_fake_quantize"),
    Danger(F::kLoader, "numpy", "load save savez savez_compressed"),
    Danger(F::kLoader, "numpy.lib.npyio"),
    Danger(F::kLoader, "numpy.lib._npyio_impl"),
    Danger(F::kLoader, "numpy.lib.format"),
    Danger(F::kLoader, "numpy.lib._format_impl"),
    Danger(F::kLoader, "numpy.compat.py3k"),
    Danger(F::kLoader, "numpy.core._methods", "_dump _dumps"),
    Danger(F::kLoader, "pandas", "read_pickle to_pickle HDFStore read_hdf"),
    Danger(F::kLoader, "pandas.io.pickle"),
    Danger(F::kLoader, "pandas.compat.pickle_compat"),
    Danger(F::kLoader, "transformers", "pipeline Tool load_tool"),
    Danger(F::kLoader, "transformers.dynamic_module_utils"),
    Danger(F::kLoader, "transformers.pipelines"),
    Danger(F::kLoader, "huggingface_hub"),
    Danger(F::kLoader, "mlflow.projects"),
    Danger(F::kLoader, "mlflow.pyfunc"),
    Danger(F::kLoader, "mlflow.utils"),
    Danger(F::kLoader, "keras", "models saving"),
    Danger(F::kLoader, "keras.models", "load_model"),
    Danger(F::kLoader, "tensorflow.keras.models", "load_model"),
    Danger(F::kLoader, "keras.saving", "load_model deserialize_keras_object"),
    Danger(F::kLoader, "copyreg",
           "pickle constructor add_extension remove_extension clear_extension_cache dispatch_table"),

    // --- Files and devices
    // ------------------------------------------------------------------------------------------------
    Danger(F::kFiles, "builtins", "open file"),
    Danger(F::kFiles, "io"),
    Danger(F::kFiles, "_io"),
    Harmless("io", "BytesIO StringIO"),
    Harmless("_io", "BytesIO StringIO"),
    Danger(F::kFiles, "_pyio"),
    Danger(F::kFiles, "codecs", "open EncodedFile"),
    Danger(F::kFiles, "tokenize", "open"),
    Danger(F::kFiles, "shutil"),
    Danger(F::kFiles, "tempfile"),
    Danger(F::kFiles, "pathlib"),
    Danger(F::kFiles, "pathlib._local"),
    Danger(F::kFiles, "glob"),
    Danger(F::kFiles, "fileinput"),
    Danger(F::kFiles, "filecmp"),
    Danger(F::kFiles, "linecache"),
    Danger(F::kFiles, "difflib"),
    Danger(F::kFiles, "mmap"),
    Danger(F::kFiles, "fcntl"),
    Danger(F::kFiles, "resource"),
    Danger(F::kFiles, "termios"),
    Danger(F::kFiles, "tty"),
    Danger(F::kFiles, "winreg"),
    Danger(F::kFiles, "msvcrt"),
    Danger(F::kFiles, "syslog"),
    Danger(F::kFiles, "zipfile"),
    Danger(F::kFiles, "tarfile"),
    Danger(F::kFiles, "gzip"),
    Danger(F::kFiles, "bz2"),
    Danger(F::kFiles, "lzma"),
    Danger(F::kFiles, "dbm"),
    Danger(F::kFiles, "sqlite3"),
    Danger(F::kFiles, "_sqlite3"),
    Danger(F::kFiles, "mailbox"),
    Danger(F::kFiles, "netrc"),
    Danger(F::kFiles, "logging", "FileHandler basicConfig config handlers"),
    Danger(F::kFiles, "logging.config"),
    Danger(F::kFiles, "logging.handlers"),
    Danger(F::kFiles, "torch", "from_file"),
    Danger(F::kFiles, "numpy", "fromfile tofile memmap loadtxt savetxt genfromtxt fromregex DataSource"),
    Danger(F::kFiles, "numpy.core.memmap"),
    Danger(F::kFiles, "numpy.lib._datasource"),
    Danger(F::kFiles, "numpy.core.records", "fromfile"),
    Danger(F::kFiles, "numpy.core.multiarray", "fromfile"),
    Danger(F::kFiles, "numpy._core.multiarray", "fromfile"),
    Danger(F::kFiles, "pandas",
           "read_csv read_table read_fwf read_json read_html read_xml read_excel read_parquet read_feather read_orc "
           "read_sas read_spss read_stata read_sql read_sql_query read_sql_table read_gbq read_clipboard ExcelFile "
           "ExcelWriter"),
    Danger(F::kFiles, "pandas.io"),
    Danger(F::kFiles, "fsspec"),
    Danger(F::kFiles, "smart_open"),

    // --- Network
    // ------------------------------------------------------------------------------------------------------------
    Danger(F::kNetwork, "socket"),
    Danger(F::kNetwork, "_socket"),
    Danger(F::kNetwork, "socketserver"),
    Danger(F::kNetwork, "ssl"),
    Danger(F::kNetwork, "_ssl"),
    Danger(F::kNetwork, "select"),
    Danger(F::kNetwork, "selectors"),
    Danger(F::kNetwork, "urllib"),
    Danger(F::kNetwork, "urllib2"),
    Danger(F::kNetwork, "urllib3"),
    Danger(F::kNetwork, "http"),
    Danger(F::kNetwork, "httplib"),
    Danger(F::kNetwork, "httplib2"),
    Danger(F::kNetwork, "httpx"),
    Danger(F::kNetwork, "aiohttp"),
    Danger(F::kNetwork, "requests"),
    Danger(F::kNetwork, "smtplib"),
    Danger(F::kNetwork, "smtpd"),
    Danger(F::kNetwork, "ftplib"),
    Danger(F::kNetwork, "imaplib"),
    Danger(F::kNetwork, "poplib"),
    Danger(F::kNetwork, "nntplib"),
    Danger(F::kNetwork, "telnetlib"),
    Danger(F::kNetwork, "xmlrpc"),
    Danger(F::kNetwork, "wsgiref"),
    Danger(F::kNetwork, "cgi"),
    Danger(F::kNetwork, "webbrowser"),
    Danger(F::kNetwork, "antigravity"),
    Danger(F::kNetwork, "asyncore"),
    Danger(F::kNetwork, "asynchat"),
    Danger(F::kNetwork, "paramiko"),
    Danger(F::kNetwork, "tornado"),
    Danger(F::kNetwork, "twisted"),
    Danger(F::kNetwork, "wget"),
    Danger(F::kNetwork, "gdown"),
    Danger(F::kNetwork, "boto3"),
    Danger(F::kNetwork, "botocore"),
    Danger(F::kNetwork, "torch.distributed.rpc"),

    // --- Indirection
    // ----------------------------------------------------------------------------------------------------------
    Danger(F::kIndirection, "builtins", "setattr delattr globals locals vars"),
    Danger(F::kIndirection, "operator", "attrgetter itemgetter methodcaller call"),
    Danger(F::kIndirection, "_operator", "attrgetter itemgetter methodcaller call"),
    Danger(F::kIndirection, "types", "CodeType FunctionType LambdaType ModuleType CellType coroutine"),
    Danger(F::kIndirection, "inspect", "getattr_static getmodule getsource getfile currentframe stack"),
    Danger(F::kIndirection, "gc"),
    Danger(F::kIndirection, "weakref", "finalize"),
    Danger(F::kIndirection, "_weakref"),
    Danger(F::kIndirection, "contextlib", "ExitStack redirect_stdout redirect_stderr chdir"),

    // --- Helpers inside libraries that evaluate or run what they are given
    // ------------------------------------------------
    Danger(F::kInternals, "numpy.testing"),
    Danger(F::kInternals, "numpy.f2py"),
    Danger(F::kInternals, "numpy.distutils"),
    Danger(F::kInternals, "numpy.ctypeslib"),
    Danger(F::kInternals, "numpy.lib.utils"),
    Danger(F::kInternals, "numpy", "safe_eval source info lookfor deprecate"),
    Danger(F::kInternals, "scipy._lib._ccallback"),
    Danger(F::kInternals, "scipy.weave"),
    Danger(F::kInternals, "pandas", "eval"),
    Danger(F::kInternals, "pandas.core.computation"),
    Danger(F::kInternals, "pandas.core.frame", "DataFrame.eval DataFrame.query"),
    Danger(F::kInternals, "pandas.util._print_versions"),
    Danger(F::kInternals, "numexpr"),
    Danger(F::kInternals, "torch", "compile hub jit ops classes"),
    Danger(F::kInternals, "torch.utils.collect_env"),
    Danger(F::kInternals, "torch.utils.bottleneck"),
    Danger(F::kInternals, "torch.utils.cpp_extension"),
    Danger(F::kInternals, "torch.utils._config_module"),
    Danger(F::kInternals, "torch.utils._cpp_extension_versioner"),
    Danger(F::kInternals, "torch.utils.benchmark"),
    Danger(F::kInternals, "torch.utils.hipify"),
    Danger(F::kInternals, "torch.utils.show_pickle"),
    Danger(F::kInternals, "torch.utils.model_dump"),
    Danger(F::kInternals, "torch._dynamo"),
    Danger(F::kInternals, "torch._inductor"),
    Danger(F::kInternals, "torch._functorch"),
    Danger(F::kInternals, "torch._export"),
    Danger(F::kInternals, "torch._C._jit_compile"),
    Danger(F::kInternals, "torch._classes"),
    Danger(F::kInternals, "torch._ops"),
    Danger(F::kInternals, "torch._appdirs"),
    Danger(F::kInternals, "torch._sources"),
    Danger(F::kInternals, "torch.fx.experimental.symbolic_shapes"),
    Danger(F::kInternals, "torch.fx.graph_module",
           "reduce_graph_module reduce_package_graph_module "
           "_exec_with_source _forward_from_src"),
    Danger(F::kInternals, "torch.fx._symbolic_trace"),
    Danger(F::kInternals, "torch.jit.unsupported_tensor_ops"),
    Danger(F::kInternals, "torch.jit.annotations"),
    Danger(F::kInternals, "torch.jit.frontend"),
    Danger(F::kInternals, "torch.testing"),
    Danger(F::kInternals, "torch.multiprocessing"),
    Danger(F::kInternals, "torch.distributed.launch"),
    Danger(F::kInternals, "torch.distributed.run"),
    Danger(F::kInternals, "torch.distributed.elastic"),
    Danger(F::kInternals, "torch.distributed.nn.jit"),
    Danger(F::kInternals, "torch.onnx"),
    Danger(F::kInternals, "torch.profiler"),
    Danger(F::kInternals, "torch.backends._nnapi"),
    Danger(F::kInternals, "torchvision.datasets.utils"),
    Danger(F::kInternals, "sympy", "sympify lambdify parsing"),
    Danger(F::kInternals, "sympy.parsing"),
    Danger(F::kInternals, "sympy.utilities"),
    Danger(F::kInternals, "sympy.core.sympify"),
    Danger(F::kInternals, "ast", "parse compile"),
    Danger(F::kInternals, "dataclasses", "_create_fn make_dataclass"),
    Danger(F::kInternals, "collections", "namedtuple"),
};

constexpr std::string_view kWalked[] = {
    "os",       "sys",     "subprocess", "posix",  "nt",         "builtins", "importlib", "shutil", "socket",
    "ctypes",   "pickle",  "marshal",    "runpy",  "pty",        "tempfile", "threading", "io",     "multiprocessing",
    "pathlib",  "urllib",  "requests",   "code",   "platform",   "inspect",  "types",     "gc",     "functools",
    "operator", "copyreg", "asyncio",    "signal", "webbrowser",
};

}  // namespace

std::string_view Reason(Family family) {
  switch (family) {
    case Family::kNone:
      break;
    case Family::kExecution:
      return "it runs code or commands";
    case Family::kImport:
      return "it imports or installs modules";
    case Family::kLoader:
      return "it opens another stream, without the rules of this one";
    case Family::kFiles:
      return "it reads or writes files";
    case Family::kNetwork:
      return "it reaches the network";
    case Family::kIndirection:
      return "it reaches or calls whatever it is told to, which hides the target";
    case Family::kInternals:
      return "it evaluates or runs what it is given";
    case Family::kWalk:
      return "it reaches a module through the names of another";
    case Family::kObjectModel:
      return "it reaches into the object model, from where everything can be reached";
    case Family::kDepth:
      return "no name has so many parts";
  }
  return "";
}

std::span<const SymbolRow> SymbolRows() { return kRows; }

std::span<const std::string_view> WalkedModules() { return kWalked; }

}  // namespace airlock::pickle
