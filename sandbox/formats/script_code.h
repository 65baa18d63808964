// Code of TorchScript. It is not read as code; but some operators read and write files by any name, and a class's
// __setstate__ runs while the archive is loaded. So the names of these operators are looked for.
#pragma once

#include <string_view>

namespace airlock::formats {

// The first of these operators that a source text may call; empty where there is none.
std::string_view FileOperatorOf(std::string_view source);

// Likewise of bytecode.pkl, where operators stand by their full names.
std::string_view FileOperatorOfBytecode(std::string_view bytecode);

}  // namespace airlock::formats
