// What numpy calls element types, by a table of its own: the codes of pickles ("f8" and a byte order) and the strings
// of .npy headers ("<f8"). Nothing else that numpy's dtype() would take is understood.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/tensors/tables.h"

namespace airlock::tensors {

struct NumpyDType {
  // As numpy's dtype.str has it: "<f8", "|b1", "<U5", "|O", "<M8[ns]".
  std::string text;
  // A number that is a dtype of torch's too, so that arrays of it are tensors; kNone for all else.
  DType number = DType::kNone;
  // Of one element. 0: not known from the code alone (objects), or nothing to store ("|S0").
  uint64_t item_size = 0;
  // What byte order concerns: 1 where the elements stand as they are needed.
  uint64_t swap_size = 1;
  bool is_object = false;
  // Strings and raw bytes: as long as the code says.
  bool is_flexible = false;
};

// dtype(code) with byte order `order`: one of '<', '>', '|', '='. `unit` is that of dates, in brackets: "[ns]"; empty
// for all else. Absent where numpy's writers have no such type.
std::optional<NumpyDType> FindNumpyDType(std::string_view code, char order, std::string_view unit = {});

// dtype.str, as .npy headers have it.
std::optional<NumpyDType> ParseNumpyDType(std::string_view text);

// The code of a class of numpy.dtypes ("Float64DType" is "f8"); empty where there is none.
std::string_view CodeOfNumpyClass(std::string_view name);

}  // namespace airlock::tensors
