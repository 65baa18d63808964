// NumpyConstructor: carries out numpy's own constructions as data: arrays of numbers, scalars, dtypes; and the wrappers
// that joblib puts around arrays.
//
// Arrays of structures are records with an array for each field (structured_array.h). What is no plain number (strings,
// dates, objects, long doubles), masked arrays and random generators stay records of known symbols, with their parts as
// numpy wrote them. Arguments or states of a form that numpy never writes
// leave an inert record and the finding `numpy.odd-arguments`; an array that is not as long as its shape says ends the
// load.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sandbox/pickle/constructor.h"
#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/array_data.h"
#include "sandbox/tensors/by_symbol.h"
#include "sandbox/tensors/numpy_dtype.h"
#include "sandbox/tensors/numpy_structure.h"
#include "sandbox/tensors/tables.h"

namespace airlock::tensors {

// Row-major strides, or Fortran's. Absent where they cannot be counted.
std::optional<std::vector<uint64_t>> ArrayStrides(std::span<const uint64_t> shape, bool fortran);

// Bytes of an array's elements; absent where they cannot be counted.
std::optional<uint64_t> ArrayBytes(std::span<const uint64_t> shape, uint64_t item_size);

// An array of numbers over a storage of its own. REQUIRES: dtype.number is not kNone, the storage has
// ArrayBytes(shape) bytes.
Result<pickle::NodeId> AddArray(pickle::Context& context, Tables& tables, const NumpyDType& dtype,
                                std::span<const uint64_t> shape, bool fortran, uint32_t storage, uint64_t at);

// The parts of the record that stands for an array of anything else: what its class takes, ndarray(shape, dtype,
// buffer, offset, strides, order). `strides` are in bytes, and given where no order says them.
pickle::RecordParts OtherArray(pickle::Graph& graph, pickle::NodeId array_class, const NumpyDType& dtype,
                               std::span<const uint64_t> shape, bool fortran, pickle::NodeId bytes,
                               std::span<const uint64_t> strides = {});

// Not thread-safe; borrows all that it is given.
class NumpyConstructor final : public pickle::Constructor {
 public:
  // `stream` is nullptr where no array can stand between the opcodes.
  NumpyConstructor(pickle::Context& context, Tables& tables, ArrayData& data, ArraysInStream* stream)
      : context_(context), tables_(tables), data_(data), stream_(stream) {}

  // Whether the symbol is one of numpy's or joblib's.
  bool Knows(uint32_t symbol);

  Result<pickle::NodeId> Construct(uint32_t symbol, pickle::NodeId args, uint64_t offset) override;
  Result<bool> Build(pickle::NodeId object, pickle::NodeId state, uint64_t offset) override;
  Result<pickle::NodeId> Persistent(pickle::NodeId id, uint64_t offset) override;
  Result<pickle::NodeId> Value(uint32_t, uint64_t) override { return pickle::kNoNode; }

 private:
  struct Call {
    uint32_t symbol;
    std::vector<pickle::NodeId> args;
    uint64_t at;
  };
  // The object that BUILD gives a state.
  struct State {
    pickle::NodeId object;
    pickle::RecordParts record;
    uint32_t symbol;
    pickle::NodeId state;
    uint64_t at;
  };
  using Maker = Result<pickle::NodeId> (NumpyConstructor::*)(const Call& call);
  using Completer = Result<void> (NumpyConstructor::*)(const State& state);
  struct SymbolRow {
    const char* module;  // as ModuleOf gives it
    const char* name;    // "*": every other name of the module that the symbol table knows
    Maker make;
    Completer complete;
  };
  // The elements of an array, as a state or an argument has them.
  struct Shaped {
    NumpyDType dtype;
    std::vector<uint64_t> shape;
    bool fortran = false;
  };

  // An array whose dtype has fields. What a node of it holds is known by ReadStructure and IsBytes only.
  struct ArrayParts {
    pickle::NodeId array_class;
    pickle::NodeId dtype;
    std::vector<uint64_t> shape;
    bool fortran;
    pickle::NodeId elements;
    uint64_t at;
  };
  class BytesElements;
  // What is to be known of an element to move it about.
  struct Element {
    uint64_t size = 0;
    uint64_t object_flags = 0;  // of numpy's flags those that objects have
  };
  enum class Honesty : uint8_t { kHonest, kOdd, kLying };

  static const SymbolRow kRows[];
  const SymbolRow* FindRow(uint32_t symbol);

  Result<pickle::NodeId> MakeArray(const Call& call);
  Result<pickle::NodeId> MakeFromBuffer(const Call& call);
  Result<pickle::NodeId> MakeScalar(const Call& call);
  Result<pickle::NodeId> MakeDType(const Call& call);
  Result<pickle::NodeId> MakeDTypeClass(const Call& call);
  Result<pickle::NodeId> MakeMasked(const Call& call);
  Result<pickle::NodeId> MakeGenerator(const Call& call);
  Result<pickle::NodeId> MakeWrapper(const Call& call);
  Result<pickle::NodeId> OddCall(const Call& call);

  Result<void> CompleteArray(const State& state);
  Result<void> CompleteDType(const State& state);
  Result<void> CompleteWrapper(const State& state);
  Result<void> CompleteOutside(const State& state);
  Result<void> CompleteMasked(const State& state);
  Result<void> KeepState(const State& state);
  Result<void> OddState(const State& state);

  Result<pickle::NodeId> Odd(uint32_t symbol, uint64_t at);
  pickle::NodeId Record(const Call& call);

  // The class of an array to be: absent for what is no class of numpy's.
  std::optional<bool> IsPlainArrayClass(pickle::NodeId id);
  // The bytes of a STRING or BYTES node that the graph has; empty for all else.
  std::string_view ShortText(pickle::NodeId id) const;
  bool IsGeneratorArgument(pickle::NodeId id);
  bool IsFalseOrZero(pickle::NodeId id) const;
  bool IsTrueOrOne(pickle::NodeId id) const;
  std::optional<std::vector<uint64_t>> ReadShape(pickle::NodeId id) const;
  std::optional<NumpyDType> ReadDType(pickle::NodeId id);
  // A dtype that has fields.
  std::optional<NumpyStructure> ReadStructure(pickle::NodeId dtype);
  bool ReadElement(pickle::NodeId dtype, NumpyField& field, pickle::NodeId& structure);
  std::optional<pickle::NodeId> ReadField(pickle::NodeId entry, NumpyField& field) const;
  bool AddFields(pickle::NodeId dtype, uint32_t parent, NumpyStructure& structure,
                 std::vector<pickle::NodeId>& structures);
  // Of a dtype that has no state, or one that says what is so.
  // Of one that is no structure.
  static Element PlainElement(const NumpyDType& dtype);
  std::optional<Element> ElementOf(pickle::NodeId dtype);
  // What a dtype's state adds up to: (version, order, subdtype, names, fields, size, alignment, flags[, metadata]).
  // `code` is what the dtype was made of. Absent where numpy never writes such.
  std::optional<Element> SumOf(std::span<const pickle::NodeId> parts, pickle::NodeId code);
  std::optional<Element> SumOfFields(std::span<const pickle::NodeId> pairs);
  std::optional<Element> SumOfSubArray(pickle::NodeId subdtype);
  Honesty HonestyOf(const State& state);
  Result<void> LyingState(const State& state);
  // Whether an array of such elements that stays a record has all of them.
  bool PartsFit(pickle::NodeId dtype, std::span<const uint64_t> shape, pickle::NodeId elements);
  // "[ns]", from the metadata of a date's dtype.
  std::optional<std::string> ReadUnit(pickle::NodeId metadata) const;
  bool IsBytes(pickle::NodeId id) const;
  uint64_t LengthOf(pickle::NodeId bytes) const;
  Result<void> CheckLength(const Shaped& shaped, uint64_t length, uint64_t at) const;
  Result<uint32_t> StorageOf(pickle::NodeId bytes, uint64_t swap_size);
  Result<pickle::NodeId> ArrayOf(const Shaped& shaped, pickle::NodeId bytes, uint64_t at);
  // Whether the elements of an array that stays a record are there in full.
  bool ElementsFit(const Shaped& shaped, pickle::NodeId elements) const;
  // An array that stays a record.
  bool IsArrayRecord(pickle::NodeId id);
  pickle::NodeId ScalarValue(const NumpyDType& dtype, std::span<const uint8_t> bytes);
  std::optional<pickle::NodeId> Field(pickle::NodeId dict, std::string_view key) const;
  Result<void> TakeWrapped(const State& state, const Shaped& shaped, bool padded);
  Result<std::optional<pickle::RecordParts>> Structured(const ArrayParts& array);
  Result<void> TakeStructured(const State& state, const NumpyStructure& structure, const ArrayParts& array,
                              bool padded);

  pickle::Context& context_;
  Tables& tables_;
  ArrayData& data_;
  ArraysInStream* stream_;

  BySymbol<const SymbolRow*> row_of_;  // of kRows, null for none
  // Records whose arguments a maker has looked through.
  std::unordered_set<pickle::NodeId> made_;
  // By dtype: of those whose state says what is so.
  std::unordered_map<pickle::NodeId, Element> element_of_;
  // Dtypes that something took for complete before they had a state.
  std::unordered_set<pickle::NodeId> stateless_;
  // By bytes node and swap size: one string of bytes that several arrays are made of is one storage.
  std::unordered_map<uint64_t, uint32_t> storage_of_;
};

}  // namespace airlock::tensors
