// NumpyStructure: an element type of numpy that has fields, one in another, as a flat list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/pickle/graph.h"
#include "sandbox/tensors/numpy_dtype.h"

namespace airlock::tensors {

struct NumpyField {
  std::string name = {};
  std::optional<std::string> title = {};
  // Of one element. A field with fields of its own has none but item_size.
  NumpyDType dtype = {};
  bool is_structure = false;
  std::vector<uint64_t> shape = {};  // of a sub-array: each element of the structure has so many
  uint64_t offset = 0;               // in the structure that it is in
  uint32_t parent = 0;               // the index of that; the structure as a whole is number 0, and its own

  // What it takes of the structure that it is in. Absent where that cannot be counted.
  std::optional<uint64_t> Bytes() const;
};

// Parents stand before their fields, and fields of one parent in their order.
class NumpyStructure {
 public:
  NumpyStructure() : fields_(1, NumpyField{.is_structure = true}) {}

  const std::vector<NumpyField>& fields() const { return fields_; }
  NumpyField& field(uint32_t index) { return fields_[index]; }
  uint32_t Add(NumpyField field) {
    fields_.push_back(std::move(field));
    return static_cast<uint32_t>(fields_.size() - 1);
  }
  void RemoveLast() { fields_.pop_back(); }

  uint64_t item_size() const { return fields_[0].dtype.item_size; }
  bool has_objects() const;
  // Whether it is one that numpy has: each field inside the one around it, no name or title twice in one of them.
  bool IsSound() const;
  // By field: the fields that it has.
  std::vector<std::vector<uint32_t>> Children() const;
  // By field: its dtype. That of a structure is a record of `dtype_class` with what numpy.dtype takes, a dict of
  // "names", "formats", "offsets" and "itemsize", and "titles" where there are some.
  std::vector<pickle::NodeId> Describe(pickle::Graph& graph, pickle::NodeId dtype_class) const;

 private:
  std::vector<NumpyField> fields_;
};

}  // namespace airlock::tensors
