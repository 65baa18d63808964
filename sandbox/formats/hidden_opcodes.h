// What pickle.load would make of bytes that are none of its own. Of the elements between the opcodes of a joblib file:
// to it they are opcodes, and an array can be written whose elements run. And of a whole file of another format, whose
// first bytes are a number: that number can be an opcode that skips everything up to a payload. Two readers, two files:
// so it is looked at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sandbox/formats/input.h"
#include "sandbox/pickle/machine.h"

namespace airlock::formats {

// Of elements that another reader runs.
constexpr std::string_view kOpcodesInArray = "joblib.opcodes-in-array";

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

// Reports a file that is a pickle too, one that calls something.
Result<void> LookForHiddenPickle(const Input& input, pickle::Context& context);

}  // namespace airlock::formats
