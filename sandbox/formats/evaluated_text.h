// Texts that torch evaluates when it loads a program of torch.export: sizes, as expressions that it gives to sympy's
// sympify, which is eval; and guards, as Python that it compiles. Here they are read by a grammar that has numbers,
// symbols, operators and calls of functions of numbers: what has more is no expression that torch writes.
#pragma once

#include <cstdint>
#include <string_view>

namespace airlock::formats {

enum class Evaluated : uint8_t {
  kPlain,     // computes with numbers
  kUnknown,   // nobody here knows what it would do
  kReaching,  // it reaches for what has nothing to do with numbers
};

Evaluated JudgeEvaluated(std::string_view text);

}  // namespace airlock::formats
