// The rows that symbols are judged by. A name that no row covers is unknown.
//
// The rows stand by family: symbol_table.cc and known_*.cc have what is understood, danger_*.cc what is dangerous. They
// go by module and not by the samples that were seen: what a module is there for decides, and its harmless classes are
// named as exceptions.
#pragma once

#include <span>
#include <string_view>

#include "sandbox/pickle/symbols.h"

namespace airlock::pickle {

// Why names are dangerous: one sentence for each family.
enum class Family : uint8_t {
  kNone,
  kExecution,
  kProcess,
  kOnImport,
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

// Names of modules that share a class. `modules` and `names` are separated by blanks. "*" is every name of the module
// and of all modules below it; "load_*" is every name that begins so. The more exact row wins.
struct SymbolRow {
  SymbolClass symbol_class;
  Builder builder;
  Family family;
  std::string_view modules;
  std::string_view names;
};

constexpr SymbolRow Known(Builder builder, std::string_view modules, std::string_view names) {
  return {SymbolClass::kKnown, builder, Family::kNone, modules, names};
}
// An exception from a "*" row: kept as inert records, and no finding.
constexpr SymbolRow Harmless(std::string_view modules, std::string_view names) {
  return {SymbolClass::kUnknown, Builder::kNone, Family::kNone, modules, names};
}
constexpr SymbolRow Danger(Family family, std::string_view modules, std::string_view names = "*") {
  return {SymbolClass::kDangerous, Builder::kNone, family, modules, names};
}

// known_numpy.cc.
std::span<const SymbolRow> NumpyRows();
// One span for each danger_*.cc.
std::span<const SymbolRow> ExecutionRows();
std::span<const SymbolRow> ImportRows();
std::span<const SymbolRow> LoaderRows();
std::span<const SymbolRow> FileRows();
std::span<const SymbolRow> NetworkRows();
std::span<const SymbolRow> IndirectionRows();
std::span<const SymbolRow> InternalsRows();

// All of them, those of symbol_table.cc first.
std::span<const std::span<const SymbolRow>> SymbolTables();

// What a dotted name can walk to, part by part ("torch" + "serialization.os.system"): modules hold other modules under
// their own names or under customary ones.
struct ModuleAlias {
  std::string_view alias;
  std::string_view module;
};
std::span<const ModuleAlias> ModuleAliases();
// Words, separated by blanks. Modules that are reached where a name ends in theirs.
std::string_view WalkedModules();
// Modules that are themselves wherever they stand in another's path (copies that packages bring along).
std::string_view VendoredModules();
// Functions that are themselves whichever module holds them.
std::string_view FunctionsAnywhere();
// Attributes of objects and classes that do what the families do, whatever they belong to.
struct MethodRow {
  Family family;
  std::string_view names;
};
std::span<const MethodRow> Methods();

}  // namespace airlock::pickle
