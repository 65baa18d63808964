// The rows that symbols are judged by. A name that no row covers is unknown.
#pragma once

#include <span>
#include <string_view>

#include "sandbox/pickle/symbols.h"

namespace airlock::pickle {

// Why names are dangerous: one sentence for each family.
enum class Family : uint8_t {
  kNone,
  kExecution,
  kImport,
  kLoader,
  kFiles,
  kNetwork,
  kIndirection,
  kInternals,
  kWalk,
  kObjectModel,
  kDepth,
};

// Completes "NAME is called: ...".
std::string_view Reason(Family family);

// Names of one module that share a class. `names` are separated by blanks; "*" is every name of the module and of all
// modules below it. A row with the name itself goes before a row with "*".
struct SymbolRow {
  SymbolClass symbol_class;
  Builder builder;
  Family family;
  std::string_view module;
  std::string_view names;
};

std::span<const SymbolRow> SymbolRows();

// Modules that others hold under their own name, so that a dotted name can walk to them (torch
// "serialization.os.system").
std::span<const std::string_view> WalkedModules();

}  // namespace airlock::pickle
