// The opcodes of pickle protocols 0 to 5, one row for each of the 256 bytes. Source: Lib/pickletools.py of
// CPython 3.11.
#pragma once

#include <array>
#include <cstdint>

#include "sandbox/base/error.h"

namespace airlock::pickle {

class Interpreter;

// What follows the opcode byte. Numbers are little-endian but for kFloat8.
enum class Argument : uint8_t {
  kNone,
  kUInt1,
  kUInt2,
  kInt4,
  kUInt4,
  kUInt8,
  kFloat8,        // big-endian IEEE 754
  kLine,          // text to the next newline
  kTwoLines,      // twice
  kBytes1,        // unsigned length of 1 byte, then that many bytes
  kBytes4,        // unsigned
  kSignedBytes4,  // signed, and negative is an error
  kBytes8,        // unsigned
};

struct Opcode {
  // Null: the byte is no opcode.
  const char* name = nullptr;
  Argument argument = Argument::kNone;
  // The protocol that brought it. Not enforced: CPython takes every opcode in every stream.
  uint8_t protocol = 0;
  // Reads the argument and does what the opcode says.
  Result<void> (*execute)(Interpreter& interpreter) = nullptr;
  // A long argument need not be read: the object says where in the file it stands.
  bool stays_in_file = false;
};

extern const std::array<Opcode, 256> kOpcodes;

}  // namespace airlock::pickle
