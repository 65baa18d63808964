// StructuredArray: an array whose elements have fields, as a record of its class with an array for each field:
//
//   ndarray(shape, dtype), and by SETITEM: name of a field -> the array of it, or a record like this one
//
// Fields that stand in the bytes as torch's tensors can (their own byte order, places that are multiples of their size)
// are views of those bytes, which are not copied. Where one field cannot, all of them are copied to the output, each
// with its elements one after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/array_data.h"
#include "sandbox/tensors/numpy_structure.h"
#include "sandbox/tensors/tables.h"

namespace airlock::tensors {

// The elements of one array. A user takes the storage, or starts and takes the next bytes till the end.
class Elements {
 public:
  virtual ~Elements() = default;
  virtual Result<Storage> Whole() = 0;
  virtual Result<void> Start() = 0;
  virtual Result<void> Next(std::span<uint8_t> out) = 0;
};

// Those that are next in a stream.
class StreamElements final : public Elements {
 public:
  StreamElements(ArraysInStream& stream, uint64_t nbytes) : stream_(stream), nbytes_(nbytes) {}

  Result<Storage> Whole() override { return stream_.TakeStorage(nbytes_, 1); }
  Result<void> Start() override { return stream_.StartElements(nbytes_); }
  Result<void> Next(std::span<uint8_t> out) override { return stream_.NextElements(out); }

 private:
  ArraysInStream& stream_;
  uint64_t nbytes_;
};

// Borrows all that it is given.
class StructuredArray {
 public:
  // REQUIRES: structure.IsSound(), no objects in it.
  StructuredArray(pickle::Context& context, Tables& tables, ArrayData& data, const NumpyStructure& structure,
                  std::vector<uint64_t> shape, bool fortran, uint64_t at)
      : context_(context),
        graph_(context.graph),
        tables_(tables),
        data_(data),
        structure_(structure),
        shape_(std::move(shape)),
        fortran_(fortran),
        at_(at) {}

  // Bytes of all elements; absent where they cannot be counted.
  std::optional<uint64_t> Bytes() const;
  // The record. `array_class` is the node of its class, `dtype_class` that of numpy.dtype. REQUIRES: the elements are
  // Bytes() bytes.
  Result<pickle::RecordParts> Make(pickle::NodeId array_class, pickle::NodeId dtype_class, Elements& elements);

 private:
  // Where the elements of a field are, in bytes: a place for each index.
  struct Layout {
    std::vector<uint64_t> shape;
    std::vector<uint64_t> stride;
    uint64_t offset = 0;
  };
  // A field whose elements are gathered.
  struct Column {
    uint32_t field = 0;
    uint64_t pieces = 0;     // that one element of the array has of it
    uint64_t piece = 0;      // bytes
    Storage storage = {};    // of numbers
    std::string bytes = {};  // of all else
    uint64_t Bytes() const { return pieces * piece; }
  };

  Result<void> LayOut();
  Result<void> CheckLimits() const;
  bool IsStrided(uint32_t field) const;
  Result<void> MakeViews(Elements& elements);
  Result<pickle::NodeId> AddView(uint32_t field, const Layout& layout, uint32_t storage);

  Result<void> Gather(Elements& elements);
  Result<Column> MakeColumn(uint32_t field, uint64_t elements);
  Result<void> Fill(std::vector<Column>& columns, uint64_t count, Elements& elements);
  Result<void> TakeFrom(std::span<const uint8_t> rows, uint64_t done, Column& column);
  uint64_t PlaceOf(uint64_t piece, uint32_t field) const;
  // Of a column: its elements stand one after the other, those of one element of the array in row-major order.
  Layout Packed(uint32_t field) const;
  Result<pickle::NodeId> NodeOf(Column& column);

  pickle::Context& context_;
  pickle::Graph& graph_;
  Tables& tables_;
  ArrayData& data_;
  const NumpyStructure& structure_;
  const std::vector<uint64_t> shape_;
  const bool fortran_;
  const uint64_t at_;

  pickle::NodeId array_class_ = pickle::kNoNode;
  uint64_t gathered_ = 0;               // bytes that are to go into the graph
  std::vector<Layout> layouts_;         // by field
  std::vector<pickle::NodeId> values_;  // by field
};

}  // namespace airlock::tensors
