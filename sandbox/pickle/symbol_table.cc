#include "sandbox/pickle/symbol_table.h"

#include <array>

namespace airlock::pickle {
namespace {

using B = Builder;
using F = Family;

constexpr SymbolRow kRows[] = {
    // Understood: Python's own
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
    // Types and plain functions, as configurations hold them. All that a loader does is to look the name up; a call of
    // one is none that Python writes.
    Known(B::kName, "builtins", "bool int float str memoryview Ellipsis NotImplemented"),
    Known(B::kName, "builtins", "abs all any len max min print repr round sorted sum"),
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
    {SymbolClass::kUnknown, B::kByName, F::kNone, "dill._dill dill.dill", "_load_type"},
    {SymbolClass::kUnknown, B::kByName, F::kNone, "numpy.core numpy._core", "_ufunc_reconstruct"},

    // Understood: configurations and plain data of libraries
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
    Known(B::kPlainRecord, "torch.distributed._shard.sharded_tensor.metadata", "TensorProperties"),
    Known(B::kEnum, "torch.distributed._shard.sharded_tensor.metadata", "MEM_FORMAT_ENCODING"),
    Known(B::kEnum, "torch.distributed.checkpoint.metadata", "_MEM_FORMAT_ENCODING"),
    Known(B::kEnum, "torch.distributed.checkpoint.planner", "WriteItemType LoadItemType"),
    Known(B::kEnum, "torch.distributed.fsdp.api", "ShardingStrategy BackwardPrefetch StateDictType"),
    Known(B::kEnum, "torch.cuda.amp.grad_scaler", "OptState"),
    Known(B::kEnum, "torch.amp.grad_scaler", "OptState"),
    Known(B::kEnum, "torch.ao.quantization.quant_type", "QuantType"),

    // Understood: torch's, by the Constructor
    Known(B::kExternal, "torch._utils",
          "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state "
          "_rebuild_qtensor _rebuild_sparse_tensor _rebuild_sparse_csr_tensor _rebuild_nested_tensor "
          "_rebuild_meta_tensor_no_storage _rebuild_wrapper_subclass _rebuild_device_tensor_from_cpu_tensor "
          "_rebuild_device_tensor_from_numpy _rebuild_xla_tensor"),
    Known(B::kExternal, "torch._tensor", "_rebuild_from_type_v2"),
    Known(B::kExternal, "torch.nn.parameter", "Parameter Buffer"),
    Known(B::kExternal, "torch.autograd.variable", "Variable"),
    Known(B::kExternal, "torch.serialization", "_get_layout"),
    Known(B::kExternal, "torch.storage", "UntypedStorage TypedStorage"),
    Known(B::kExternal, "torch._C", "ScriptObject"),
    // What torch.package would call for a module of TorchScript, which stands in the same archive and is read there.
    Known(B::kName, "torch.jit._script", "unpackage_script_module"),
    Known(B::kExternal, "torch.jit._pickle",
          "build_intlist build_doublelist build_boollist build_tensorlist build_tensor_from_id restore_type_tag"),
    Known(B::kExternal, "torch", "Size device Tensor"),
    Known(B::kExternal, "torch.sparse",
          "BFloat16Tensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor LongTensor ShortTensor"),
    Known(B::kExternal, "torch.cuda.sparse",
          "BFloat16Tensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor LongTensor ShortTensor"),
    // What torch allows to load of its distributed and jagged tensors.
    Known(B::kExternal, "torch.nested._internal.nested_tensor", "NestedTensor _rebuild_njt"),
    Known(B::kExternal, "torch.distributed.tensor", "DTensor"),
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
    Known(B::kExternal, "torch",
          "bit float16 float32 float64 half float double bfloat16 float8_e4m3fn float8_e4m3fnuz float8_e5m2 "
          "float8_e5m2fnuz "
          "float8_e8m0fnu float4_e2m1fn_x2 int1 int2 int3 int4 int5 int6 int7 int8 int16 int32 int64 short int long "
          "uint1 "
          "uint2 uint3 uint4 uint5 uint6 uint7 uint8 uint16 uint32 uint64 bool complex32 complex64 complex128 cfloat "
          "cdouble chalf bcomplex32 bits8 bits16 bits1x8 bits2x4 bits4x2 qint8 qint32 quint8 quint4x2 quint2x4"),
    Known(B::kExternal, "torch",
          "per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric "
          "per_channel_affine_float_qparams"),
};

}  // namespace

std::string_view Reason(Family family) {
  switch (family) {
    case Family::kNone:
      break;
    case Family::kExecution:
      return "it runs code or commands";
    case Family::kProcess:
      return "it changes, holds up or ends the process";
    case Family::kOnImport:
      return "importing it runs a program";
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

std::span<const SymbolTable> SymbolTables() {
  static const std::array<SymbolTable, 9> kTables = {TableOf<kRows>(), NumpyRows(),       ExecutionRows(),
                                                     ImportRows(),     LoaderRows(),      FileRows(),
                                                     NetworkRows(),    IndirectionRows(), InternalsRows()};
  return kTables;
}

}  // namespace airlock::pickle
