#include "sandbox/tensors/structured_array.h"

#include <algorithm>
#include <utility>

#include "sandbox/base/checked.h"
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"
#include "sandbox/tensors/numpy_constructor.h"

namespace airlock::tensors {
namespace {

using pickle::Kind;
using pickle::NodeId;

// Of elements that are gathered, which are looked at one by one.
constexpr uint64_t kMaxElementBytes = uint64_t{16} << 20;
constexpr uint64_t kStepBytes = uint64_t{64} << 10;

Unexpected<Error> Uncountable(uint64_t at) {
  return Fail(Reason::kTensorOutOfBounds, "an array has more elements than can be counted", at);
}

// Strides in bytes of elements of `item` bytes. Absent where they cannot be counted.
std::optional<std::vector<uint64_t>> ByteStrides(std::span<const uint64_t> shape, bool fortran, uint64_t item) {
  std::optional<std::vector<uint64_t>> strides = ArrayStrides(shape, fortran);
  if (!strides) return std::nullopt;
  for (uint64_t& stride : *strides) {
    const std::optional<uint64_t> bytes = CheckedMul(stride, item);
    if (!bytes) return std::nullopt;
    stride = *bytes;
  }
  return strides;
}

}  // namespace

std::optional<uint64_t> StructuredArray::Bytes() const { return ArrayBytes(shape_, structure_.item_size()); }

Result<void> StructuredArray::LayOut() {
  const uint64_t most = context_.limits.dims;
  layouts_.resize(structure_.fields().size());
  for (size_t i = 0; i < layouts_.size(); ++i) {
    const NumpyField& field = structure_.fields()[i];
    const std::vector<uint64_t>& shape = i == 0 ? shape_ : field.shape;
    const auto strides = ByteStrides(shape, i == 0 && fortran_, field.dtype.item_size);
    if (!strides) return Uncountable(at_);
    Layout layout = i == 0 ? Layout() : layouts_[field.parent];
    layout.shape.insert(layout.shape.end(), shape.begin(), shape.end());
    layout.stride.insert(layout.stride.end(), strides->begin(), strides->end());
    layout.offset += field.offset;  // all of them together are inside one element
    if (layout.shape.size() > most) return FailLimit("dims", most, layout.shape.size(), at_);
    context_.opcodes += 1 + layout.shape.size();
    layouts_[i] = std::move(layout);
  }
  return CheckLimits();
}

// Before anything is made: a pickle can have an array of a thousand fields at the price of a few opcodes.
Result<void> StructuredArray::CheckLimits() const {
  const Limits& limits = context_.limits;
  if (context_.opcodes > limits.opcodes) return FailLimit("opcodes", limits.opcodes, context_.opcodes, at_);
  constexpr uint64_t kNodesAField = 8;
  const uint64_t nodes = graph_.size() + kNodesAField * layouts_.size();
  if (nodes > limits.nodes) return FailLimit("nodes", limits.nodes, nodes, at_);
  const uint64_t tensors = tables_.tensor_count() + layouts_.size();
  if (tensors > limits.tensors) return FailLimit("tensors", limits.tensors, tensors, at_);
  return {};
}

bool StructuredArray::IsStrided(uint32_t field) const {
  const NumpyDType& dtype = structure_.fields()[field].dtype;
  const Layout& layout = layouts_[field];
  return dtype.number != DType::kNone && dtype.swap_size <= 1 && layout.offset % dtype.item_size == 0 &&
         std::ranges::all_of(layout.stride, [&](uint64_t stride) { return stride % dtype.item_size == 0; });
}

Result<pickle::RecordParts> StructuredArray::Make(NodeId array_class, NodeId dtype_class, Elements& elements) {
  AIRLOCK_TRY(LayOut());
  array_class_ = array_class;
  const std::vector<NumpyField>& fields = structure_.fields();
  values_.assign(fields.size(), pickle::kNoNode);
  bool strided = true;
  for (uint32_t i = 1; i < fields.size(); ++i) strided = strided && (fields[i].is_structure || IsStrided(i));
  AIRLOCK_TRY(strided ? MakeViews(elements) : Gather(elements));

  const std::vector<NodeId> dtypes = structure_.Describe(graph_, dtype_class);
  const std::vector<std::vector<uint32_t>> children = structure_.Children();
  pickle::RecordParts parts;
  // Fields before what they are in; the last one is the whole.
  for (size_t i = fields.size(); i-- > 0;) {
    if (!fields[i].is_structure) continue;
    std::vector<NodeId> pairs;
    for (const uint32_t child : children[i]) {
      pairs.push_back(graph_.Text(Kind::kString, fields[child].name));
      pairs.push_back(values_[child]);
    }
    std::vector<NodeId> sizes;
    for (const uint64_t size : layouts_[i].shape) sizes.push_back(graph_.Int(static_cast<int64_t>(size)));
    const NodeId args[] = {graph_.Container(Kind::kTuple, sizes), dtypes[i]};
    parts = {.callee = array_class,
             .args = graph_.Container(Kind::kTuple, args),
             .pairs = graph_.Container(Kind::kDict, pairs)};
    if (i > 0) values_[i] = graph_.Record(parts);
  }
  return parts;
}

// --- fields as they stand ---

Result<void> StructuredArray::MakeViews(Elements& elements) {
  AIRLOCK_ASSIGN(Storage storage, elements.Whole());
  storage.device = tables_.Device("cpu");
  const uint32_t index = tables_.AddStorage(storage);
  for (uint32_t i = 1; i < layouts_.size(); ++i) {
    if (structure_.fields()[i].is_structure) continue;
    AIRLOCK_ASSIGN(values_[i], AddView(i, layouts_[i], index));
  }
  return {};
}

Result<NodeId> StructuredArray::AddView(uint32_t field, const Layout& layout, uint32_t storage) {
  const NumpyDType& dtype = structure_.fields()[field].dtype;
  std::vector<uint64_t> stride = layout.stride;
  for (uint64_t& step : stride) step /= dtype.item_size;
  const uint64_t offset = ElementCount(layout.shape) == 0 ? 0 : layout.offset / dtype.item_size;
  AIRLOCK_TRY(CheckGeometry(offset, layout.shape, stride, tables_.storage(storage).nbytes / dtype.item_size,
                            context_.limits.dims, at_));
  return graph_.Array(tables_.AddTensor({.storage = storage,
                                         .dtype = dtype.number,
                                         .flags = 0,
                                         .offset = offset,
                                         .shape = layout.shape,
                                         .stride = stride}));
}

// --- fields that are gathered ---

Result<void> StructuredArray::Gather(Elements& elements) {
  const std::optional<uint64_t> count = ElementCount(shape_);
  if (!count) return Uncountable(at_);
  if (structure_.item_size() > kMaxElementBytes) {
    return Fail(Reason::kUnsupportedFeature, "a numpy array of structures of more than 16 MiB each", at_);
  }
  std::vector<Column> columns;
  for (uint32_t i = 1; i < layouts_.size(); ++i) {
    if (structure_.fields()[i].is_structure) continue;
    AIRLOCK_ASSIGN(Column column, MakeColumn(i, *count));
    columns.push_back(std::move(column));
  }
  AIRLOCK_TRY(Fill(columns, *count, elements));
  for (Column& column : columns) {
    AIRLOCK_ASSIGN(values_[column.field], NodeOf(column));
  }
  return {};
}

Result<StructuredArray::Column> StructuredArray::MakeColumn(uint32_t index, uint64_t elements) {
  const NumpyField& field = structure_.fields()[index];
  const Layout& layout = layouts_[index];
  Column column{.field = index, .piece = field.Bytes().value_or(0)};
  // Sub-arrays of the structures around it; those of the field itself are in one piece.
  const size_t own = layout.shape.size() - field.shape.size();
  const std::optional<uint64_t> pieces =
      ElementCount(std::span(layout.shape).subspan(shape_.size(), own - shape_.size()));
  if (!pieces) return Uncountable(at_);
  column.pieces = column.piece == 0 ? 0 : *pieces;
  // Pieces of one element are inside it.
  const std::optional<uint64_t> bytes = CheckedMul(elements, column.Bytes());
  if (!bytes) return Uncountable(at_);
  if (field.dtype.number != DType::kNone) {
    AIRLOCK_ASSIGN(column.storage, data_.Reserve(*bytes));
    return column;
  }
  const uint64_t limit = context_.limits.string_bytes;
  const uint64_t used = graph_.string_bytes() + gathered_;
  if (*bytes > limit || used > limit - *bytes) return FailLimit("string_bytes", limit, used + *bytes, at_);
  gathered_ += *bytes;
  column.bytes.reserve(*bytes);
  return column;
}

Result<void> StructuredArray::Fill(std::vector<Column>& columns, uint64_t count, Elements& elements) {
  const uint64_t item = structure_.item_size();
  AIRLOCK_TRY(elements.Start());
  if (item == 0) return {};
  std::vector<uint8_t> rows;
  for (uint64_t done = 0; done < count; done += rows.size() / item) {
    rows.resize(std::min(std::max<uint64_t>(kStepBytes / item, 1), count - done) * item);
    AIRLOCK_TRY(elements.Next(rows));
    for (Column& column : columns) AIRLOCK_TRY(TakeFrom(rows, done, column));
  }
  return {};
}

// Where a piece is in an element: the last sub-array counts fastest.
uint64_t StructuredArray::PlaceOf(uint64_t piece, uint32_t field) const {
  const Layout& layout = layouts_[field];
  uint64_t place = layout.offset;
  for (size_t dim = layout.shape.size() - structure_.fields()[field].shape.size(); dim-- > shape_.size();) {
    place += piece % layout.shape[dim] * layout.stride[dim];
    piece /= layout.shape[dim];
  }
  return place;
}

Result<void> StructuredArray::TakeFrom(std::span<const uint8_t> rows, uint64_t done, Column& column) {
  const uint64_t item = structure_.item_size();
  const NumpyDType& dtype = structure_.fields()[column.field].dtype;
  std::vector<uint8_t> taken;
  taken.reserve(rows.size() / item * column.Bytes());
  for (uint64_t row = 0; row < rows.size(); row += item) {
    for (uint64_t piece = 0; piece < column.pieces; ++piece) {
      const auto bytes = rows.subspan(row + PlaceOf(piece, column.field), column.piece);
      taken.insert(taken.end(), bytes.begin(), bytes.end());
    }
  }
  if (dtype.number != DType::kNone) {
    return data_.Write(column.storage, done * column.Bytes(), taken, dtype.swap_size);
  }
  column.bytes.append(reinterpret_cast<const char*>(taken.data()), taken.size());
  return {};
}

StructuredArray::Layout StructuredArray::Packed(uint32_t field) const {
  Layout packed{.shape = layouts_[field].shape, .stride = {}};
  const std::span<const uint64_t> inner = std::span(packed.shape).subspan(shape_.size());
  const uint64_t item = structure_.fields()[field].dtype.item_size;
  // All of them fit the bytes of the column.
  const uint64_t element = ArrayBytes(inner, item).value_or(0);
  packed.stride = ByteStrides(shape_, fortran_, element).value_or(std::vector<uint64_t>(shape_.size()));
  const auto within = ByteStrides(inner, false, item).value_or(std::vector<uint64_t>(inner.size()));
  packed.stride.insert(packed.stride.end(), within.begin(), within.end());
  return packed;
}

Result<NodeId> StructuredArray::NodeOf(Column& column) {
  const NumpyDType& dtype = structure_.fields()[column.field].dtype;
  const Layout packed = Packed(column.field);
  if (dtype.number != DType::kNone) {
    column.storage.device = tables_.Device("cpu");
    return AddView(column.field, packed, tables_.AddStorage(column.storage));
  }
  const NodeId bytes = graph_.Text(Kind::kBytes, column.bytes);
  // Rows in Fortran's order of columns in C's: neither says it.
  const bool mixed = fortran_ && packed.shape.size() > shape_.size();
  return graph_.Record(OtherArray(graph_, array_class_, dtype, packed.shape, fortran_ && !mixed, bytes,
                                  mixed ? std::span<const uint64_t>(packed.stride) : std::span<const uint64_t>()));
}

}  // namespace airlock::tensors
