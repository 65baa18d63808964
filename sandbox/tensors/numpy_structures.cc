// NumpyConstructor: element types that have fields, and arrays of them.
#include <algorithm>
#include <string>
#include <utility>

#include "sandbox/base/keyed_hash.h"
#include "sandbox/tensors/numpy_constructor.h"
#include "sandbox/tensors/structured_array.h"

namespace airlock::tensors {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::NodeId;

// A type can be in itself: what is deeper or has more is none of numpy's.
constexpr size_t kMaxFields = 10'000;
constexpr uint32_t kMaxLevels = 16;
// Of names and titles. One text may be the name of many fields, and each has its own copy.
constexpr size_t kMaxName = 4096;

// The state that BUILD gave a dtype: (version, order, subdtype, names, fields, size, alignment, flags[, metadata]).
struct DTypeState {
  NodeId subdtype;
  NodeId names;
  NodeId fields;
  uint64_t size;
};

std::optional<DTypeState> StateOf(const Graph& graph, NodeId dtype) {
  if (!graph.is(dtype, Kind::kRecord)) return std::nullopt;
  const pickle::RecordParts record = graph.record(dtype);
  if (!graph.is(record.state, Kind::kTuple) || record.many_states) return std::nullopt;
  const std::span<const NodeId> parts = graph.children(record.state);
  if (parts.size() < 8 || !graph.is(parts[5], Kind::kInt) || graph.integer(parts[5]) < 0) return std::nullopt;
  return DTypeState{parts[2], parts[3], parts[4], static_cast<uint64_t>(graph.integer(parts[5]))};
}

}  // namespace

// Goes through sub-arrays to what they are of.
bool NumpyConstructor::ReadElement(NodeId dtype, NumpyField& field, NodeId& structure) {
  const Graph& graph = context_.graph;
  for (uint32_t level = 0; level < kMaxLevels; ++level) {
    if (const std::optional<NumpyDType> plain = ReadDType(dtype)) {
      field.dtype = *plain;
      return true;
    }
    const std::optional<DTypeState> state = StateOf(graph, dtype);
    if (!state) return false;
    if (graph.is(state->subdtype, Kind::kNone)) {
      field.is_structure = true;
      field.dtype.item_size = state->size;
      structure = dtype;
      return graph.is(state->names, Kind::kTuple) && graph.is(state->fields, Kind::kDict);
    }
    if (!graph.is(state->subdtype, Kind::kTuple) || graph.children(state->subdtype).size() != 2) return false;
    const std::optional<std::vector<uint64_t>> shape = ReadShape(graph.children(state->subdtype)[1]);
    if (!shape || field.shape.size() + shape->size() > context_.limits.dims) return false;
    field.shape.insert(field.shape.end(), shape->begin(), shape->end());
    dtype = graph.children(state->subdtype)[0];
  }
  return false;
}

// (dtype, offset[, title])
std::optional<NodeId> NumpyConstructor::ReadField(NodeId entry, NumpyField& field) const {
  const Graph& graph = context_.graph;
  if (!graph.is(entry, Kind::kTuple)) return std::nullopt;
  const std::span<const NodeId> parts = graph.children(entry);
  if (parts.size() < 2 || parts.size() > 3 || !graph.is(parts[1], Kind::kInt) || graph.integer(parts[1]) < 0) {
    return std::nullopt;
  }
  field.offset = static_cast<uint64_t>(graph.integer(parts[1]));
  if (parts.size() == 3 && !graph.is(parts[2], Kind::kNone)) {
    if (!graph.is(parts[2], Kind::kString) || graph.text(parts[2]).size() > kMaxName) return std::nullopt;
    field.title = std::string(graph.text(parts[2]));
  }
  return parts[0];
}

// Fields of one structure, in the order of its names. A titled one is in the dict twice.
bool NumpyConstructor::AddFields(NodeId dtype, uint32_t parent, NumpyStructure& structure,
                                 std::vector<NodeId>& structures) {
  const Graph& graph = context_.graph;
  const std::optional<DTypeState> state = StateOf(graph, dtype);
  const std::span<const NodeId> names = graph.children(state->names);
  const std::span<const NodeId> pairs = graph.children(state->fields);
  context_.opcodes += names.size() + pairs.size();
  std::unordered_map<std::string_view, NodeId, KeyedHash> entries;
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (!graph.is(pairs[i], Kind::kString) || !entries.emplace(graph.text(pairs[i]), pairs[i + 1]).second) return false;
  }
  for (const NodeId name : names) {
    if (!graph.is(name, Kind::kString) || structure.fields().size() > kMaxFields) return false;
    if (graph.text(name).size() > kMaxName) return false;
    const auto entry = entries.find(graph.text(name));
    if (entry == entries.end()) return false;
    NumpyField field{.name = std::string(graph.text(name)), .parent = parent};
    const std::optional<NodeId> element = ReadField(entry->second, field);
    NodeId inner = pickle::kNoNode;
    if (!element || !ReadElement(*element, field, inner)) return false;
    structure.Add(std::move(field));
    structures.push_back(inner);
  }
  return true;
}

std::optional<NumpyStructure> NumpyConstructor::ReadStructure(NodeId dtype) {
  NumpyStructure structure;
  std::vector<NodeId> nodes(1, pickle::kNoNode);  // by field: the dtype of a structure
  NumpyField& whole = structure.field(0);
  if (!ReadElement(dtype, whole, nodes[0]) || nodes[0] != dtype || !whole.shape.empty()) return std::nullopt;
  std::vector<uint32_t> levels(1, 0);
  for (uint32_t i = 0; i < structure.fields().size(); ++i) {
    if (!structure.fields()[i].is_structure) continue;
    if (levels[i] >= kMaxLevels || !AddFields(nodes[i], i, structure, nodes)) return std::nullopt;
    levels.resize(structure.fields().size(), levels[i] + 1);
  }
  if (!structure.IsSound()) return std::nullopt;
  return structure;
}

// The bytes of a node.
class NumpyConstructor::BytesElements final : public Elements {
 public:
  BytesElements(NumpyConstructor& maker, NodeId bytes) : maker_(maker), bytes_(bytes) {}

  Result<Storage> Whole() override {
    AIRLOCK_ASSIGN(const uint32_t storage, maker_.StorageOf(bytes_, 1));
    return maker_.tables_.storage(storage);
  }
  Result<void> Start() override { return {}; }
  Result<void> Next(std::span<uint8_t> out) override {
    const uint64_t from = std::exchange(next_, next_ + out.size());
    const Graph& graph = maker_.context_.graph;
    if (const auto span = graph.span(bytes_)) return maker_.data_.Read(*span, from, out);
    std::ranges::copy(graph.text(bytes_).substr(from, out.size()), out.begin());
    return {};
  }

 private:
  NumpyConstructor& maker_;
  const NodeId bytes_;
  uint64_t next_ = 0;
};

// Absent: one that stays as it is.
Result<std::optional<pickle::RecordParts>> NumpyConstructor::Structured(const ArrayParts& array) {
  using Absent = std::optional<pickle::RecordParts>;
  const std::optional<NumpyStructure> structure = ReadStructure(array.dtype);
  if (!structure || structure->has_objects() || !IsBytes(array.elements)) return Absent();
  StructuredArray made(context_, tables_, data_, *structure, array.shape, array.fortran, array.at);
  const uint64_t length = LengthOf(array.elements);
  if (made.Bytes() != length) {
    return Fail(Reason::kStorageSizeMismatch,
                "an array of structures has " + std::to_string(length) + " bytes, which is not what its shape says",
                array.at);
  }
  context_.opcodes += length / 16;
  BytesElements elements(*this, array.elements);
  const NodeId dtype_class = context_.graph.record(array.dtype).callee;
  AIRLOCK_ASSIGN(const pickle::RecordParts parts, made.Make(array.array_class, dtype_class, elements));
  return Absent(parts);
}

// joblib's, whose elements are next in the stream.
Result<void> NumpyConstructor::TakeStructured(const State& state, const NumpyStructure& structure,
                                              const ArrayParts& array, bool padded) {
  pickle::Graph& graph = context_.graph;
  if (structure.has_objects()) {
    AIRLOCK_ASSIGN(const NodeId taken, stream_->TakePickle());
    graph.Become(state.object, taken);
    return {};
  }
  if (padded) AIRLOCK_TRY(stream_->SkipPadding());
  StructuredArray made(context_, tables_, data_, structure, array.shape, array.fortran, array.at);
  const std::optional<uint64_t> nbytes = made.Bytes();
  if (!nbytes) return Fail(Reason::kTensorOutOfBounds, "an array has more elements than can be counted", array.at);
  StreamElements elements(*stream_, *nbytes);
  const NodeId dtype_class = graph.record(array.dtype).callee;
  AIRLOCK_ASSIGN(const pickle::RecordParts parts, made.Make(array.array_class, dtype_class, elements));
  graph.SetRecord(state.object, parts);
  return {};
}

}  // namespace airlock::tensors
