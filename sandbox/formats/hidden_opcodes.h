// What pickle.load would make of the elements between the opcodes of a joblib file: to it they are opcodes, and an
// array can be written whose elements run. Two readers, two files: so it is looked at.
#pragma once

#include <cstdint>
#include <string>

#include "sandbox/formats/input.h"

namespace airlock::formats {

struct HiddenOpcodes {
  // Something would be called that the elements name.
  bool calls = false;
  // So many opcodes in a row, or so long ones, that it is not known.
  bool endless = false;
  // The first name, as far as it is written out.
  std::string module;
  std::string name;
};

// Walks from `offset`, where `length` bytes of elements stand. A few steps for any real array: most bytes are no
// opcodes. Takes the bytes that it reads from `budget`, which is one for the whole file.
Result<HiddenOpcodes> FindHiddenOpcodes(const Input& input, uint64_t offset, uint64_t length, uint64_t& budget);

}  // namespace airlock::formats
