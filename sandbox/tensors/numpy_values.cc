// NumpyConstructor: dtypes and scalars.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "sandbox/tensors/numpy_constructor.h"

namespace airlock::tensors {
namespace {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

// Of a dtype's state: version 3, and version 4 with metadata behind it.
constexpr size_t kStateParts = 8;

template <typename T>
T Load(std::span<const uint8_t> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

double HalfToDouble(uint16_t half) {
  const bool negative = (half & 0x8000) != 0;
  const int exponent = (half >> 10) & 0x1F;
  const int fraction = half & 0x3FF;
  if (exponent == 0x1F) {
    // The payload of a NaN keeps its place: at the top of the fraction.
    const uint64_t bits = (uint64_t{0x7FF} << 52) | (static_cast<uint64_t>(fraction) << 42);
    return std::bit_cast<double>(bits | (negative ? uint64_t{1} << 63 : 0));
  }
  const double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction | 0x400, exponent - 25);
  return negative ? -magnitude : magnitude;
}

// Not by a conversion, which would quiet a signalling NaN.
double FloatToDouble(uint32_t bits) {
  const bool nan_or_infinite = (bits & 0x7F800000) == 0x7F800000;
  if (!nan_or_infinite) return static_cast<double>(std::bit_cast<float>(bits));
  const uint64_t sign = static_cast<uint64_t>(bits >> 31) << 63;
  return std::bit_cast<double>(sign | (uint64_t{0x7FF} << 52) | (static_cast<uint64_t>(bits & 0x7FFFFF) << 29));
}

int64_t SignedOf(std::span<const uint8_t> bytes) {
  switch (bytes.size()) {
    case 1:
      return Load<int8_t>(bytes);
    case 2:
      return Load<int16_t>(bytes);
    case 4:
      return Load<int32_t>(bytes);
    default:
      return Load<int64_t>(bytes);
  }
}

uint64_t UnsignedOf(std::span<const uint8_t> bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  return value;
}

NodeId UnsignedNode(pickle::Graph& graph, uint64_t value) {
  if (value <= INT64_MAX) return graph.Int(static_cast<int64_t>(value));
  std::string bytes(sizeof(value) + 1, '\0');  // two's complement: a byte more, for the sign
  std::memcpy(bytes.data(), &value, sizeof(value));
  return graph.Text(Kind::kBigInt, bytes);
}

}  // namespace

bool NumpyConstructor::IsFalseOrZero(NodeId id) const {
  return context_.graph.is(id, Kind::kFalse) || (context_.graph.is(id, Kind::kInt) && context_.graph.integer(id) == 0);
}

bool NumpyConstructor::IsTrueOrOne(NodeId id) const {
  return context_.graph.is(id, Kind::kTrue) || (context_.graph.is(id, Kind::kInt) && context_.graph.integer(id) == 1);
}

// (code, False, True): the byte order and all else come by BUILD. The code of a structure with a class of its own is
// that class (numpy.record).
Result<NodeId> NumpyConstructor::MakeDType(const Call& call) {
  const pickle::Graph& graph = context_.graph;
  if (call.args.size() != 3 || !IsFalseOrZero(call.args[1]) || !IsTrueOrOne(call.args[2])) return OddCall(call);
  const NodeId code = call.args[0];
  if (graph.is(code, Kind::kSymbol)) {
    const uint32_t symbol = graph.symbol(code);
    return Knows(symbol) ? Record(call) : OddCall(call);
  }
  return FindNumpyDType(ShortText(code), '=') ? Record(call) : OddCall(call);
}

Result<NodeId> NumpyConstructor::MakeDTypeClass(const Call& call) {
  return call.args.empty() ? Record(call) : OddCall(call);
}

// ({}, (b"ns", 1, 1, 1)): metadata of the user's, and (unit, count, 1, event) of the date.
std::optional<std::string> NumpyConstructor::ReadUnit(NodeId metadata) const {
  const pickle::Graph& graph = context_.graph;
  if (!graph.is(metadata, Kind::kTuple) || graph.children(metadata).size() != 2) return std::nullopt;
  const NodeId user = graph.children(metadata)[0];
  const NodeId date = graph.children(metadata)[1];
  const bool no_user = graph.is(user, Kind::kNone) || (graph.is(user, Kind::kDict) && graph.children(user).empty());
  if (!no_user || !graph.is(date, Kind::kTuple) || graph.children(date).size() != 4) return std::nullopt;
  const NodeId unit = graph.children(date)[0];
  const NodeId count = graph.children(date)[1];
  const std::string name(ShortText(unit));
  if (name.empty() || !graph.is(count, Kind::kInt) || graph.integer(count) < 1) return std::nullopt;
  if (name == "generic") return std::string();
  std::string shown = "[";
  if (graph.integer(count) != 1) shown += std::to_string(graph.integer(count));
  return shown.append(name).append("]");
}

// (3, order, subdtype, names, fields, size, alignment, flags[, metadata]). Structures and what has metadata stay
// records.
Result<void> NumpyConstructor::CompleteDType(const State& state) {
  pickle::Graph& graph = context_.graph;
  const std::span<const NodeId> parts =
      graph.is(state.state, Kind::kTuple) ? graph.children(state.state) : std::span<const NodeId>();
  if (parts.size() != kStateParts && parts.size() != kStateParts + 1) return OddState(state);
  const std::string_view order = ShortText(parts[1]);
  if (!made_.contains(state.object) || !graph.is(parts[0], Kind::kInt) || order.size() != 1) return OddState(state);
  const int64_t version = graph.integer(parts[0]);
  if (version != 3 && !(version == 4 && parts.size() == kStateParts + 1)) return OddState(state);
  const NodeId code = graph.children(state.record.args)[0];
  // What has it already would change with it.
  if (stateless_.contains(state.object)) return OddState(state);
  const Honesty honesty = HonestyOf(state);
  if (honesty == Honesty::kOdd) return OddState(state);
  if (honesty == Honesty::kLying) return LyingState(state);
  const bool structured =
      !std::all_of(parts.begin() + 2, parts.begin() + 5, [&](NodeId part) { return graph.is(part, Kind::kNone); });
  if (structured || graph.is(code, Kind::kSymbol)) return {};
  std::string unit;
  if (parts.size() > kStateParts && !graph.is(parts[8], Kind::kNone)) {
    const std::optional<std::string> read = ReadUnit(parts[8]);
    if (!read) return {};
    unit = *read;
  }
  const std::optional<NumpyDType> dtype = FindNumpyDType(ShortText(code), order[0], unit);
  // Numpy believes the state's size, where it has one: so it must be the code's.
  const bool sized =
      dtype && (graph.integer(parts[5]) == (dtype->is_flexible ? static_cast<int64_t>(dtype->item_size) : -1));
  if (!sized) return OddState(state);
  graph.Become(state.object, graph.Text(Kind::kNumpyDType, dtype->text));
  return {};
}

// A dtype that is known by its string. Structures are not.
std::optional<NumpyDType> NumpyConstructor::ReadDType(NodeId id) {
  const pickle::Graph& graph = context_.graph;
  if (graph.is(id, Kind::kNumpyDType)) return ParseNumpyDType(graph.text(id));
  if (!graph.is(id, Kind::kRecord)) return std::nullopt;
  const pickle::RecordParts record = graph.record(id);
  // Without a state it is that of a machine like ours.
  if (!graph.is(record.callee, Kind::kSymbol) || record.state != kNoNode || record.items != kNoNode ||
      record.pairs != kNoNode || record.args == kNoNode) {
    return std::nullopt;
  }
  const SymbolRow* row = FindRow(graph.symbol(record.callee));
  if (row == nullptr) return std::nullopt;
  stateless_.insert(id);
  if (row->make == &NumpyConstructor::MakeDTypeClass) {
    return FindNumpyDType(CodeOfNumpyClass(context_.symbols[graph.symbol(record.callee)].name), '=');
  }
  const std::span<const NodeId> args = graph.children(record.args);
  if (row->make != &NumpyConstructor::MakeDType || args.size() != 3) return std::nullopt;
  return FindNumpyDType(ShortText(args[0]), '=');
}

// (dtype, bytes); of objects: (dtype, object)
Result<NodeId> NumpyConstructor::MakeScalar(const Call& call) {
  pickle::Graph& graph = context_.graph;
  if (call.args.size() != 2) return OddCall(call);
  const std::optional<NumpyDType> dtype = ReadDType(call.args[0]);
  if (!dtype) {
    // A structure: the dtype is a record of its own. One that holds objects comes as an array of one.
    const std::optional<Element> element = ElementOf(call.args[0]);
    const bool fits = element && (element->object_flags != 0 ? IsArrayRecord(call.args[1])
                                                             : PartsFit(call.args[0], {}, call.args[1]));
    return fits ? Record(call) : OddCall(call);
  }
  if (dtype->is_object) return Record(call);
  if (!IsBytes(call.args[1]) || LengthOf(call.args[1]) != dtype->item_size) return OddCall(call);
  if (dtype->number == DType::kNone || graph.span(call.args[1])) return Record(call);
  const std::string bytes(graph.text(call.args[1]));
  const NodeId value = ScalarValue(*dtype, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  const NodeId refs[] = {graph.Text(Kind::kNumpyDType, dtype->text), value};
  return graph.Compound(Kind::kScalar, 0, refs);
}

bool NumpyConstructor::IsArrayRecord(NodeId id) {
  const pickle::Graph& graph = context_.graph;
  if (!graph.is(id, Kind::kRecord) || !made_.contains(id)) return false;
  const NodeId callee = graph.record(id).callee;
  const SymbolRow* row = graph.is(callee, Kind::kSymbol) ? FindRow(graph.symbol(callee)) : nullptr;
  return row != nullptr && row->make == &NumpyConstructor::MakeArray;
}

NodeId NumpyConstructor::ScalarValue(const NumpyDType& dtype, std::span<const uint8_t> bytes) {
  pickle::Graph& graph = context_.graph;
  std::vector<uint8_t> native(bytes.begin(), bytes.end());
  for (auto at = native.begin(); dtype.swap_size > 1 && at != native.end();
       at += static_cast<std::ptrdiff_t>(dtype.swap_size)) {
    std::reverse(at, at + static_cast<std::ptrdiff_t>(dtype.swap_size));
  }
  const std::span<const uint8_t> value(native);
  const auto real = [](std::span<const uint8_t> part) {
    if (part.size() == 2) return HalfToDouble(Load<uint16_t>(part));
    return part.size() == 4 ? FloatToDouble(Load<uint32_t>(part)) : Load<double>(part);
  };
  switch (dtype.text[1]) {
    case 'b':
      return graph.Bool(value[0] != 0);
    case 'i':
      return graph.Int(SignedOf(value));
    case 'u':
      return UnsignedNode(graph, UnsignedOf(value));
    case 'c':
      return graph.Complex(real(value.first(value.size() / 2)), real(value.subspan(value.size() / 2)));
    default:
      return graph.Float(real(value));
  }
}

}  // namespace airlock::tensors
