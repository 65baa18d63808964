// NumpyConstructor: arrays, and joblib's wrappers of arrays.
#include <algorithm>
#include <string>
#include <utility>

#include "sandbox/base/checked.h"
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"
#include "sandbox/tensors/numpy_constructor.h"

namespace airlock::tensors {
namespace {

using pickle::Kind;
using pickle::NodeId;
using pickle::Severity;

// Keys of the state of joblib's wrappers are found by walking it; they have six.
constexpr size_t kMaxFields = 32;

// (1, shape, dtype, fortran, elements), and a masked array's mask and fill value behind.
constexpr size_t kArrayParts = 5;

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::optional<std::vector<uint64_t>> ArrayStrides(std::span<const uint64_t> shape, bool fortran) {
  std::vector<uint64_t> stride(shape.size(), 1);
  uint64_t step = 1;
  for (size_t n = 0; n < shape.size(); ++n) {
    const size_t i = fortran ? n : shape.size() - 1 - n;
    stride[i] = step;
    const std::optional<uint64_t> next = CheckedMul(step, std::max<uint64_t>(shape[i], 1));
    if (!next) return std::nullopt;
    step = *next;
  }
  return stride;
}

std::optional<uint64_t> ArrayBytes(std::span<const uint64_t> shape, uint64_t item_size) {
  const std::optional<uint64_t> count = ElementCount(shape);
  return count ? CheckedMul(*count, item_size) : std::nullopt;
}

Result<NodeId> AddArray(pickle::Context& context, Tables& tables, const NumpyDType& dtype,
                        std::span<const uint64_t> shape, bool fortran, uint32_t storage, uint64_t at) {
  const Limits& limits = context.limits;
  const std::optional<std::vector<uint64_t>> stride = ArrayStrides(shape, fortran);
  if (!stride) return Fail(Reason::kTensorOutOfBounds, "an array has more elements than can be counted", at);
  const uint64_t elements = tables.storage(storage).nbytes / ItemSize(dtype.number);
  AIRLOCK_TRY(CheckGeometry(0, shape, *stride, elements, limits.dims, at));
  if (tables.tensor_count() >= limits.tensors) {
    return FailLimit("tensors", limits.tensors, tables.tensor_count() + 1, at);
  }
  context.opcodes += shape.size();
  return context.graph.Array(tables.AddTensor(TensorView{
      .storage = storage, .dtype = dtype.number, .flags = 0, .offset = 0, .shape = shape, .stride = *stride}));
}

pickle::RecordParts OtherArray(pickle::Graph& graph, NodeId array_class, const NumpyDType& dtype,
                               std::span<const uint64_t> shape, bool fortran, NodeId bytes,
                               std::span<const uint64_t> strides) {
  const auto tuple = [&graph](std::span<const uint64_t> numbers) {
    std::vector<NodeId> items;
    items.reserve(numbers.size());
    for (const uint64_t number : numbers) items.push_back(graph.Int(static_cast<int64_t>(number)));
    return graph.Container(Kind::kTuple, items);
  };
  const NodeId args[] = {
      tuple(shape), graph.Text(Kind::kNumpyDType, dtype.text),       bytes,
      graph.Int(0), strides.empty() ? graph.None() : tuple(strides), graph.Text(Kind::kString, fortran ? "F" : "C")};
  return {.callee = array_class, .args = graph.Container(Kind::kTuple, args)};
}

// --- reading ---

bool NumpyConstructor::IsBytes(NodeId id) const {
  // A Python 2 str that is UTF-8 came out as text: its bytes are the same.
  return context_.graph.is(id, Kind::kBytes) || context_.graph.is(id, Kind::kByteArray) ||
         context_.graph.is(id, Kind::kString);
}

uint64_t NumpyConstructor::LengthOf(NodeId bytes) const {
  const std::optional<pickle::InputSpan> span = context_.graph.span(bytes);
  return span ? span->length : context_.graph.text(bytes).size();
}

std::optional<std::vector<uint64_t>> NumpyConstructor::ReadShape(NodeId id) const {
  const pickle::Graph& graph = context_.graph;
  if (!graph.is(id, Kind::kTuple) || graph.children(id).size() > context_.limits.dims) return std::nullopt;
  std::vector<uint64_t> shape;
  for (const NodeId size : graph.children(id)) {
    if (!graph.is(size, Kind::kInt) || graph.integer(size) < 0) return std::nullopt;
    shape.push_back(static_cast<uint64_t>(graph.integer(size)));
  }
  return shape;
}

std::optional<bool> NumpyConstructor::IsPlainArrayClass(NodeId id) {
  if (!context_.graph.is(id, Kind::kSymbol)) return std::nullopt;
  const pickle::SymbolUse& use = context_.symbols[context_.graph.symbol(id)];
  if (use.module == "numpy" && use.name == "ndarray") return true;
  // matrix, recarray and their like. Classes of others build themselves in ways of their own.
  if (Knows(context_.graph.symbol(id)) && use.module.starts_with("numpy")) return false;
  return std::nullopt;
}

std::optional<NodeId> NumpyConstructor::Field(NodeId dict, std::string_view key) const {
  const pickle::Graph& graph = context_.graph;
  const std::span<const NodeId> pairs = graph.children(dict);
  std::optional<NodeId> found;
  for (size_t i = 0; i + 1 < std::min(pairs.size(), 2 * kMaxFields); i += 2) {
    if (!graph.is(pairs[i], Kind::kString) || graph.text(pairs[i]) != key) continue;
    if (found) return std::nullopt;
    found = pairs[i + 1];
  }
  return found;
}

// --- elements ---

Result<void> NumpyConstructor::CheckLength(const Shaped& shaped, uint64_t length, uint64_t at) const {
  const std::optional<uint64_t> nbytes = ArrayBytes(shaped.shape, shaped.dtype.item_size);
  if (!nbytes) return Fail(Reason::kTensorOutOfBounds, "an array has more elements than can be counted", at);
  if (*nbytes == length) return {};
  return Fail(
      Reason::kStorageSizeMismatch,
      "an array must have " + std::to_string(*nbytes) + " bytes by its shape, and has " + std::to_string(length), at);
}

Result<uint32_t> NumpyConstructor::StorageOf(NodeId bytes, uint64_t swap_size) {
  const uint64_t key = (uint64_t{bytes} << 8) | swap_size;
  if (const auto found = storage_of_.find(key); found != storage_of_.end()) return found->second;
  const pickle::Graph& graph = context_.graph;
  const std::optional<pickle::InputSpan> span = graph.span(bytes);
  context_.opcodes += LengthOf(bytes) / 16;
  AIRLOCK_ASSIGN(Storage storage,
                 span ? data_.Place(*span, swap_size) : data_.Keep(AsBytes(graph.text(bytes)), swap_size));
  storage.device = tables_.Device("cpu");
  const uint32_t made = tables_.AddStorage(storage);
  storage_of_.emplace(key, made);
  return made;
}

Result<NodeId> NumpyConstructor::ArrayOf(const Shaped& shaped, NodeId bytes, uint64_t at) {
  AIRLOCK_TRY(CheckLength(shaped, LengthOf(bytes), at));
  AIRLOCK_ASSIGN(const uint32_t storage, StorageOf(bytes, shaped.dtype.swap_size));
  return AddArray(context_, tables_, shaped.dtype, shaped.shape, shaped.fortran, storage, at);
}

bool NumpyConstructor::ElementsFit(const Shaped& shaped, NodeId elements) const {
  const pickle::Graph& graph = context_.graph;
  if (shaped.dtype.is_object) {
    return graph.is(elements, Kind::kList) && ElementCount(shaped.shape) == graph.children(elements).size();
  }
  return IsBytes(elements) && ArrayBytes(shaped.shape, shaped.dtype.item_size) == LengthOf(elements);
}

// --- arrays ---

// (class, (0,), b"b"): an empty array, which BUILD fills.
Result<NodeId> NumpyConstructor::MakeArray(const Call& call) {
  if (call.args.size() != 3 || !IsPlainArrayClass(call.args[0])) return OddCall(call);
  const std::optional<std::vector<uint64_t>> shape = ReadShape(call.args[1]);
  if (!shape || *shape != std::vector<uint64_t>{0} || ShortText(call.args[2]).size() != 1) return OddCall(call);
  return Record(call);
}

// (1, shape, dtype, fortran, elements)
Result<void> NumpyConstructor::CompleteArray(const State& state) {
  pickle::Graph& graph = context_.graph;
  const bool five = graph.is(state.state, Kind::kTuple) && graph.children(state.state).size() == kArrayParts;
  if (!five || !made_.contains(state.object)) return OddState(state);
  const std::span<const NodeId> children = graph.children(state.state);
  const std::vector<NodeId> parts(children.begin(), children.end());
  const std::optional<std::vector<uint64_t>> shape = ReadShape(parts[1]);
  const bool fortran = IsTrueOrOne(parts[3]);
  if (!IsTrueOrOne(parts[0]) || !shape || (!fortran && !IsFalseOrZero(parts[3]))) return OddState(state);
  const std::optional<NumpyDType> dtype = ReadDType(parts[2]);
  if (!dtype) {
    if (!graph.is(parts[2], Kind::kRecord)) return OddState(state);
    const NodeId array_class = graph.children(state.record.args)[0];
    AIRLOCK_ASSIGN(const auto made, Structured({array_class, parts[2], *shape, fortran, parts[4], state.at}));
    if (!made) return PartsFit(parts[2], *shape, parts[4]) ? Result<void>() : OddState(state);
    graph.SetRecord(state.object, *made);
    return {};
  }
  const Shaped shaped{*dtype, *shape, fortran};
  if (dtype->number == DType::kNone) return ElementsFit(shaped, parts[4]) ? Result<void>() : OddState(state);
  if (!IsBytes(parts[4])) return OddState(state);
  AIRLOCK_ASSIGN(const NodeId array, ArrayOf(shaped, parts[4], state.at));
  const NodeId array_class = graph.children(state.record.args)[0];
  if (IsPlainArrayClass(array_class) == true) {
    graph.Become(state.object, array);
  } else {
    // matrix(array)
    const NodeId args = graph.Container(Kind::kTuple, {&array, 1});
    graph.SetRecord(state.object, {.callee = array_class, .args = args});
  }
  return {};
}

// (buffer, dtype, shape, order): protocol 5
Result<NodeId> NumpyConstructor::MakeFromBuffer(const Call& call) {
  pickle::Graph& graph = context_.graph;
  if (call.args.size() != 4 || !IsBytes(call.args[0]) || !graph.is(call.args[3], Kind::kString)) return OddCall(call);
  const std::optional<NumpyDType> dtype = ReadDType(call.args[1]);
  const std::optional<std::vector<uint64_t>> shape = ReadShape(call.args[2]);
  const std::string order(graph.text(call.args[3]));
  if (!shape || (order != "C" && order != "F")) return OddCall(call);
  if (!dtype) {
    if (!graph.is(call.args[1], Kind::kRecord)) return OddCall(call);
    AIRLOCK_ASSIGN(const uint32_t symbol, context_.symbols.Use("numpy", "ndarray", call.at, 0));
    const ArrayParts array{graph.Symbol(symbol), call.args[1], *shape, order == "F", call.args[0], call.at};
    AIRLOCK_ASSIGN(const auto made, Structured(array));
    if (made) return graph.Record(*made);
    return PartsFit(call.args[1], *shape, call.args[0]) ? Record(call) : OddCall(call);
  }
  const Shaped shaped{*dtype, *shape, order == "F"};
  if (dtype->number != DType::kNone) return ArrayOf(shaped, call.args[0], call.at);
  return ElementsFit(shaped, call.args[0]) ? Record(call) : OddCall(call);
}

// (MaskedArray, ndarray, (0,), b"b"): filled by BUILD, with a mask and a value for what is masked.
Result<NodeId> NumpyConstructor::MakeMasked(const Call& call) {
  if (call.args.size() != 4 || !IsPlainArrayClass(call.args[0]) || !IsPlainArrayClass(call.args[1])) {
    return OddCall(call);
  }
  return ReadShape(call.args[2]) && IsBytes(call.args[3]) ? Record(call) : OddCall(call);
}

// (1, shape, dtype, fortran, elements, mask, value)
Result<void> NumpyConstructor::CompleteMasked(const State& state) {
  const pickle::Graph& graph = context_.graph;
  constexpr size_t kParts = kArrayParts + 2;
  const bool seven = graph.is(state.state, Kind::kTuple) && graph.children(state.state).size() == kParts;
  if (!seven || !made_.contains(state.object)) return OddState(state);
  const std::span<const NodeId> parts = graph.children(state.state);
  const std::optional<std::vector<uint64_t>> shape = ReadShape(parts[1]);
  return shape && PartsFit(parts[2], *shape, parts[4]) ? Result<void>() : OddState(state);
}

// --- joblib ---

// Made by __new__, without arguments; or by protocols 0 and 1 as copyreg does.
Result<NodeId> NumpyConstructor::MakeWrapper(const Call& call) {
  return call.args.empty() ? Record(call) : OddCall(call);
}

// {subclass, shape, order, dtype, allow_mmap[, numpy_array_alignment_bytes]}; the elements follow in the stream.
Result<void> NumpyConstructor::CompleteWrapper(const State& state) {
  const pickle::Graph& graph = context_.graph;
  if (stream_ == nullptr || !graph.is(state.state, Kind::kDict)) return OddState(state);
  const std::optional<NodeId> array_class = Field(state.state, "subclass");
  const std::optional<NodeId> shape_node = Field(state.state, "shape");
  const std::optional<NodeId> dtype_node = Field(state.state, "dtype");
  const std::optional<NodeId> order = Field(state.state, "order");
  if (!array_class || !shape_node || !dtype_node || !order) return OddState(state);
  const std::optional<std::vector<uint64_t>> shape = ReadShape(*shape_node);
  const std::optional<NumpyDType> dtype = ReadDType(*dtype_node);
  if (!shape || !graph.is(*order, Kind::kString)) return OddState(state);
  const std::optional<NumpyStructure> structure = dtype ? std::nullopt : ReadStructure(*dtype_node);
  // Where the elements end cannot be told: nor what is to be read as opcodes behind them.
  if (!dtype && !structure) {
    return Fail(Reason::kUnsupportedFeature, "a joblib array of a type that is not read", state.at);
  }
  const bool fortran = graph.text(*order) == "F";
  if (!IsPlainArrayClass(*array_class) || (!fortran && graph.text(*order) != "C")) return OddState(state);
  const std::optional<NodeId> alignment = Field(state.state, "numpy_array_alignment_bytes");
  AIRLOCK_TRY(stream_->Enter(state.at));
  const bool padded = alignment && !graph.is(*alignment, Kind::kNone);
  if (dtype) return TakeWrapped(state, Shaped{*dtype, *shape, fortran}, padded);
  const ArrayParts array{*array_class, *dtype_node, *shape, fortran, pickle::kNoNode, state.at};
  return TakeStructured(state, *structure, array, padded);
}

Result<void> NumpyConstructor::TakeWrapped(const State& state, const Shaped& shaped, bool padded) {
  pickle::Graph& graph = context_.graph;
  if (shaped.dtype.is_object) {
    // What the pickle holds is the array; nothing else can refer to it.
    AIRLOCK_ASSIGN(const NodeId array, stream_->TakePickle());
    graph.Become(state.object, array);
    return {};
  }
  if (padded) AIRLOCK_TRY(stream_->SkipPadding());
  const std::optional<uint64_t> nbytes = ArrayBytes(shaped.shape, shaped.dtype.item_size);
  if (!nbytes) return Fail(Reason::kTensorOutOfBounds, "an array has more elements than can be counted", state.at);
  if (shaped.dtype.number == DType::kNone) {
    AIRLOCK_ASSIGN(const NodeId bytes, stream_->TakeBytes(*nbytes));
    const NodeId other_class = *Field(state.state, "subclass");
    graph.SetRecord(state.object, OtherArray(graph, other_class, shaped.dtype, shaped.shape, shaped.fortran, bytes));
    return {};
  }
  AIRLOCK_ASSIGN(Storage storage, stream_->TakeStorage(*nbytes, shaped.dtype.swap_size));
  storage.device = tables_.Device("cpu");
  AIRLOCK_ASSIGN(const NodeId array, AddArray(context_, tables_, shaped.dtype, shaped.shape, shaped.fortran,
                                              tables_.AddStorage(storage), state.at));
  const NodeId array_class = *Field(state.state, "subclass");
  if (IsPlainArrayClass(array_class) == true) {
    graph.Become(state.object, array);
    return {};
  }
  const NodeId args = graph.Container(Kind::kTuple, {&array, 1});
  graph.SetRecord(state.object, {.callee = array_class, .args = args});
  return {};
}

// joblib before 0.10: the array is a file of its own, beside this one.
Result<void> NumpyConstructor::CompleteOutside(const State& state) {
  if (stream_ == nullptr || !context_.graph.is(state.state, Kind::kDict)) return OddState(state);
  AIRLOCK_TRY(stream_->Enter(state.at));
  const std::optional<NodeId> name = Field(state.state, "filename");
  pickle::AddFinding(context_, pickle::Finding{"joblib.array-elsewhere", Severity::kWarning,
                                               "an array is in another file, beside this one; only its name is here",
                                               name ? std::string(ShortText(*name)) : std::string(), state.at});
  return {};
}

}  // namespace airlock::tensors
