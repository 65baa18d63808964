// Symbols: the names that a pickle refers to, what class each falls in, and why.
//
// Nothing is ever imported or called. A symbol is known (its construction is carried out as data), dangerous (the table
// says why), or unknown (kept as inert records). Python 2 names are mapped as pickle maps them before the look-up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace airlock::pickle {

// Numbers of airlock.v1.SymbolClass.
enum class SymbolClass : uint8_t { kKnown = 1, kUnknown = 2, kDangerous = 3 };

struct SymbolUse {
  std::string module;  // UTF-8; lone surrogates and bad bytes are replaced by backslash escapes
  std::string name;
  SymbolClass symbol_class = SymbolClass::kUnknown;
  // Static text: why it is dangerous. Empty otherwise.
  std::string_view danger;
  uint64_t uses = 0;
  bool would_call = false;
  uint64_t first_offset = 0;
  uint32_t level = 0;
};

// Something that a person should know. Same fields as airlock.v1.Finding.
enum class Severity : uint8_t { kNote = 1, kWarning = 2, kDanger = 3 };
struct Finding {
  std::string id;
  Severity severity = Severity::kNote;
  std::string message;
  std::string where;
  uint64_t offset = 0;
};

// The distinct symbols of one load, in order of first use.
class Symbols {
 public:
  // Index of (module, name) after name mapping; counts one use.
  uint32_t Use(std::string_view module, std::string_view name, uint64_t offset, uint32_t level);
  // The pickle asks to call it.
  void MarkCalled(uint32_t symbol) { uses_[symbol].would_call = true; }

  const std::vector<SymbolUse>& all() const { return uses_; }
  const SymbolUse& operator[](uint32_t symbol) const { return uses_[symbol]; }
  // "module.name" as the file has it: for look-ups by builders and for messages.
  std::string FullName(uint32_t symbol) const;

 private:
  std::vector<SymbolUse> uses_;
  std::unordered_map<std::string, uint32_t> index_;
};

}  // namespace airlock::pickle
