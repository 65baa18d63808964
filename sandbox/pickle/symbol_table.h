// The rows that symbols are judged by. A name that no row covers is unknown.
//
// The rows stand by family: symbol_table.cc and known_*.cc have what is understood, danger_*.cc what is dangerous. They
// go by module and not by the samples that were seen: what a module is there for decides, and its harmless classes are
// named as exceptions.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
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

// A module of a row: where its name stands in the row's list. No pointer, so that it costs nothing when a worker
// starts.
struct ModuleRef {
  uint16_t row = 0;
  uint16_t at = 0;
  uint16_t size = 0;
};

// Rows with an index of their modules, which the compiler has made: a worker lives for one file and would make it anew
// for each.
struct SymbolTable {
  std::span<const SymbolRow> rows;
  std::span<const ModuleRef> modules;  // sorted by name, then by row

  constexpr std::string_view ModuleOf(const ModuleRef& ref) const {
    return rows[ref.row].modules.substr(ref.at, ref.size);
  }
};

// Calls `take(start, word)` for each of some words that single blanks separate.
template <typename Take>
constexpr void ForEachWord(std::string_view words, const Take& take) {
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    take(at, words.substr(at, end - at));
    at = end + 1;
  }
}

template <const auto& kRows>
constexpr size_t CountModules() {
  size_t count = 0;
  for (const SymbolRow& row : kRows) ForEachWord(row.modules, [&](size_t, std::string_view) { ++count; });
  return count;
}

template <const auto& kRows>
constexpr auto SortModules() {
  std::array<ModuleRef, CountModules<kRows>()> refs;
  size_t count = 0;
  for (size_t row = 0; row < std::size(kRows); ++row) {
    ForEachWord(kRows[row].modules, [&](size_t at, std::string_view word) {
      refs[count++] = {static_cast<uint16_t>(row), static_cast<uint16_t>(at), static_cast<uint16_t>(word.size())};
    });
  }
  const SymbolTable table{kRows, {}};
  std::sort(refs.begin(), refs.end(), [&](const ModuleRef& a, const ModuleRef& b) {
    const int order = table.ModuleOf(a).compare(table.ModuleOf(b));
    return order != 0 ? order < 0 : a.row < b.row;
  });
  return refs;
}

template <const auto& kRows>
inline constexpr auto kModules = SortModules<kRows>();

template <const auto& kRows>
constexpr SymbolTable TableOf() {
  return {kRows, kModules<kRows>};
}

// known_numpy.cc.
SymbolTable NumpyRows();
// One table for each danger_*.cc.
SymbolTable ExecutionRows();
SymbolTable ImportRows();
SymbolTable LoaderRows();
SymbolTable FileRows();
SymbolTable NetworkRows();
SymbolTable IndirectionRows();
SymbolTable InternalsRows();

// All of them, those of symbol_table.cc first.
std::span<const SymbolTable> SymbolTables();

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
