// Element types: one table of what torch and safetensors call them, how long they are, and what storage class holds
// them.
#pragma once

#include <cstdint>
#include <string_view>

#include "sandbox/tensors/tables.h"

namespace airlock::tensors {

struct DTypeRow {
  DType dtype;
  std::string_view name;         // torch's, without "torch."
  std::string_view storage;      // class of a typed storage, without its module; empty where there is none
  std::string_view safetensors;  // empty where there is none
  uint8_t item_size;             // bytes of one element
  uint8_t swap_size;             // bytes that byte order concerns: half an element where it is complex
  uint8_t per_byte = 1;          // elements in one byte: more than 1 where they are packed; item_size is then 1
};

// REQUIRES: dtype is not kNone.
const DTypeRow& RowOf(DType dtype);
// nullptr where no row has it.
const DTypeRow* FindDTypeByName(std::string_view name);
const DTypeRow* FindDTypeByStorage(std::string_view storage);
const DTypeRow* FindDTypeBySafetensors(std::string_view name);

// 1 for kNone: an untyped storage counts bytes. 1 for packed elements, whose storages do too.
uint64_t ItemSize(DType dtype);
uint32_t ElementsPerByte(DType dtype);
bool IsQuantized(DType dtype);
bool IsComplex(DType dtype);
// What torch prints for a dtype that a pickle calls `name` ("float" is "float32"); empty where it is no dtype.
std::string_view CanonicalDTypeName(std::string_view name);

}  // namespace airlock::tensors
