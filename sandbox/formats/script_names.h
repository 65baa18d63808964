// ScriptNames: names of TorchScript's classes are known while it lives, also after one that began later. TorchScript's
// own reader looks for them in the archive's code, or among classes of C++, and imports nothing. Anywhere else such a
// name is a Python module's.
#pragma once

#include <string>

#include "sandbox/pickle/symbols.h"

namespace airlock::formats {

class ScriptNames {
 public:
  explicit ScriptNames(pickle::Symbols& symbols) : symbols_(symbols), before_(symbols.known_module()) {
    symbols_.SetKnownModule("__torch__");
  }
  ~ScriptNames() { symbols_.SetKnownModule(before_); }
  ScriptNames(const ScriptNames&) = delete;
  ScriptNames& operator=(const ScriptNames&) = delete;

 private:
  pickle::Symbols& symbols_;
  const std::string before_;
};

}  // namespace airlock::formats
