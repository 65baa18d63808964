// NumpyConstructor: whether the states of element types say what is so. Numpy believes sizes, offsets and flags: flags
// that hide objects turn bytes of the file into pointers, flags that promise some have joblib unpickle what stands for
// elements, fields outside their element reach into memory of others.
#include <algorithm>
#include <bit>

#include "sandbox/base/checked.h"
#include "sandbox/tensors/geometry.h"
#include "sandbox/tensors/numpy_constructor.h"

namespace airlock::tensors {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::NodeId;

constexpr size_t kSubDType = 2;
constexpr size_t kNames = 3;
constexpr size_t kFields = 4;
constexpr size_t kSize = 5;
constexpr size_t kAlignment = 6;
constexpr size_t kFlags = 7;

// NPY_ITEM_REFCOUNT, NPY_LIST_PICKLE, NPY_ITEM_IS_POINTER.
constexpr uint64_t kHoldsObjects = 1 | 2;
constexpr uint64_t kIsObject = kHoldsObjects | 4;
constexpr uint64_t kPointerBytes = 8;

// As numpy writes it: -1, or a power of two that some machine has.
bool IsAlignment(int64_t value) {
  constexpr int64_t kMost = 4096;
  return value == -1 || (value > 0 && value <= kMost && std::has_single_bit(static_cast<uint64_t>(value)));
}

}  // namespace

NumpyConstructor::Element NumpyConstructor::PlainElement(const NumpyDType& dtype) {
  return dtype.is_object ? Element{kPointerBytes, kIsObject} : Element{dtype.item_size, 0};
}

std::optional<NumpyConstructor::Element> NumpyConstructor::ElementOf(NodeId dtype) {
  if (const std::optional<NumpyDType> plain = ReadDType(dtype)) {
    return PlainElement(*plain);
  }
  const auto found = element_of_.find(dtype);
  return found == element_of_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<NumpyConstructor::Element> NumpyConstructor::SumOf(std::span<const NodeId> parts, NodeId code) {
  const Graph& graph = context_.graph;
  const bool fields = !graph.is(parts[kNames], Kind::kNone) || !graph.is(parts[kFields], Kind::kNone);
  if (!graph.is(parts[kSubDType], Kind::kNone)) return fields ? std::nullopt : SumOfSubArray(parts[kSubDType]);
  if (fields) {
    if (!graph.is(parts[kNames], Kind::kTuple) || !graph.is(parts[kFields], Kind::kDict)) return std::nullopt;
    return SumOfFields(graph.children(parts[kFields]));
  }
  if (graph.is(code, Kind::kSymbol)) return Element{};  // a class of structures, without fields
  const std::optional<NumpyDType> plain = FindNumpyDType(ShortText(code), '=');
  return plain ? std::optional(PlainElement(*plain)) : std::nullopt;
}

// The end of the field that ends last. A name's value: (dtype, offset[, title]).
std::optional<NumpyConstructor::Element> NumpyConstructor::SumOfFields(std::span<const NodeId> pairs) {
  const Graph& graph = context_.graph;
  context_.opcodes += pairs.size();
  Element sum;
  for (size_t i = 1; i < pairs.size(); i += 2) {
    const std::span<const NodeId> field =
        graph.is(pairs[i], Kind::kTuple) ? graph.children(pairs[i]) : std::span<const NodeId>();
    if (field.size() < 2 || field.size() > 3 || !graph.is(field[1], Kind::kInt) || graph.integer(field[1]) < 0) {
      return std::nullopt;
    }
    const std::optional<Element> element = ElementOf(field[0]);
    if (!element) return std::nullopt;
    const auto end = CheckedAdd(static_cast<uint64_t>(graph.integer(field[1])), element->size);
    if (!end) return std::nullopt;
    sum.size = std::max(sum.size, *end);
    if (element->object_flags != 0) sum.object_flags = kHoldsObjects;
  }
  return sum;
}

// (dtype, shape)
std::optional<NumpyConstructor::Element> NumpyConstructor::SumOfSubArray(NodeId subdtype) {
  const Graph& graph = context_.graph;
  if (!graph.is(subdtype, Kind::kTuple) || graph.children(subdtype).size() != 2) return std::nullopt;
  const std::optional<std::vector<uint64_t>> shape = ReadShape(graph.children(subdtype)[1]);
  const std::optional<Element> element = ElementOf(graph.children(subdtype)[0]);
  const std::optional<uint64_t> size = shape && element ? ArrayBytes(*shape, element->size) : std::nullopt;
  return size ? std::optional(Element{*size, element->object_flags}) : std::nullopt;
}

NumpyConstructor::Honesty NumpyConstructor::HonestyOf(const State& state) {
  const Graph& graph = context_.graph;
  const std::span<const NodeId> parts = graph.children(state.state);
  const auto is_int = [&](size_t part) { return graph.is(parts[part], Kind::kInt); };
  if (!is_int(kSize) || !is_int(kAlignment) || !is_int(kFlags) || !IsAlignment(graph.integer(parts[kAlignment]))) {
    return Honesty::kOdd;
  }
  const NodeId code = graph.children(state.record.args)[0];
  const std::optional<Element> sum = SumOf(parts, code);
  const int64_t size = graph.integer(parts[kSize]);
  if (!sum || size < -1) return Honesty::kOdd;
  const bool has_fields = !graph.is(parts[kFields], Kind::kNone);
  const bool structure = has_fields || graph.is(code, Kind::kSymbol);
  // -1: numbers and objects, whose size is known.
  const bool plain = !structure && graph.is(parts[kSubDType], Kind::kNone);
  if (size == -1 && !plain) return Honesty::kOdd;
  const Element told{size == -1 ? sum->size : static_cast<uint64_t>(size),
                     static_cast<uint64_t>(graph.integer(parts[kFlags])) & kIsObject};
  // There may be room between fields and behind the last.
  const bool fits = structure ? told.size >= sum->size : told.size == sum->size;
  if (plain && !fits) return Honesty::kOdd;
  if (told.object_flags != sum->object_flags || !fits) return Honesty::kLying;
  element_of_.emplace(state.object, told);
  // The dtype has the dict for its own: what is put into it later is put into the dtype.
  if (has_fields) {
    context_.kept_dicts.push_back({parts[kFields], graph.children(parts[kFields]).size()});
  }
  return Honesty::kHonest;
}

Result<void> NumpyConstructor::LyingState(const State& state) {
  pickle::AddFinding(context_, {.id = "numpy.lying-dtype",
                                .severity = pickle::Severity::kDanger,
                                .message = "an element type says of its size or of objects in it what is not so: numpy "
                                           "would take numbers for objects, or reach outside its elements",
                                .where = {},
                                .offset = state.at});
  return {};
}

bool NumpyConstructor::PartsFit(NodeId dtype, std::span<const uint64_t> shape, NodeId elements) {
  const Graph& graph = context_.graph;
  const std::optional<Element> element = ElementOf(dtype);
  if (!element) return false;
  if (element->object_flags != 0) {
    return graph.is(elements, Kind::kList) && ElementCount(shape) == graph.children(elements).size();
  }
  return IsBytes(elements) && ArrayBytes(shape, element->size) == LengthOf(elements);
}

}  // namespace airlock::tensors
