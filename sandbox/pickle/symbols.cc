#include "sandbox/pickle/symbols.h"

#include <algorithm>
#include <compare>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "sandbox/pickle/symbol_table.h"
#include "sandbox/pickle/utf8.h"

namespace airlock::pickle {
namespace {

// Parts that a dotted path may have. Real ones have up to ten.
constexpr size_t kMaxParts = 20;

// Whether some row is about this module or one below it.
bool IsOnTheWay(std::string_view module) {
  return std::ranges::any_of(SymbolTables(), [&](const SymbolTable& table) {
    const auto name = [&](const ModuleRef& ref) { return table.ModuleOf(ref); };
    const auto found = std::ranges::lower_bound(table.modules, module, std::less<>(), name);
    if (found == table.modules.end()) return false;
    const std::string_view next = name(*found);
    return next.starts_with(module) && (next.size() == module.size() || next[module.size()] == '.');
  });
}

// How well one of a row's names fits: not at all, by its beginning ("load_*"), or exactly.
enum class Fit : uint8_t { kNone, kPrefix, kExact };

Fit FitOf(const SymbolRow& row, std::string_view name) {
  Fit best = Fit::kNone;
  ForEachWord(row.names, [&](size_t, std::string_view word) {
    if (word == name) best = Fit::kExact;
    const bool prefix = word.size() > 1 && word.ends_with('*') && name.starts_with(word.substr(0, word.size() - 1));
    if (prefix && best == Fit::kNone) best = Fit::kPrefix;
  });
  return best;
}

const SymbolRow* FindRow(std::string_view module, std::string_view name) {
  const SymbolRow* by_prefix = nullptr;
  for (const SymbolTable& table : SymbolTables()) {
    const auto module_of = [&](const ModuleRef& ref) { return table.ModuleOf(ref); };
    auto ref = std::ranges::lower_bound(table.modules, module, std::less<>(), module_of);
    for (; ref != table.modules.end() && module_of(*ref) == module; ++ref) {
      const SymbolRow& row = table.rows[ref->row];
      const Fit fit = FitOf(row, name);
      if (fit == Fit::kExact) return &row;
      if (fit == Fit::kPrefix && by_prefix == nullptr) by_prefix = &row;
    }
  }
  return by_prefix;
}

// The lists of single words. Made once, at the first name that no row decides.
struct Words {
  Words() {
    ForEachWord(WalkedModules(), [this](size_t, std::string_view word) { walked.insert(word); });
    ForEachWord(FunctionsAnywhere(), [this](size_t, std::string_view word) { functions.insert(word); });
    ForEachWord(VendoredModules(), [this](size_t, std::string_view word) { vendored.insert(word); });
    for (const MethodRow& row : Methods()) {
      ForEachWord(row.names, [&](size_t, std::string_view word) { methods.emplace(word, row.family); });
    }
  }
  std::unordered_set<std::string_view> walked;
  std::unordered_set<std::string_view> functions;
  std::unordered_set<std::string_view> vendored;
  std::unordered_map<std::string_view, Family> methods;
};

const Words& TheWords() {
  static const Words words;
  return words;
}

Classification Dangerous(Family family) {
  return {.symbol_class = SymbolClass::kDangerous, .builder = Builder::kNone, .danger = Reason(family)};
}

Classification FromRow(const SymbolRow& row) {
  return {.symbol_class = row.symbol_class,
          .builder = row.builder,
          .danger = Reason(row.family),
          .runs_on_import = row.family == Family::kOnImport};
}

// __class__, __globals__ and their like: no writer names them, and from each there is a way to everything.
bool IsSpecial(std::string_view part) {
  return part.size() > 4 && part.starts_with("__") && part.ends_with("__") && part != "__newobj__" &&
         part != "__newobj_ex__";
}

// By the custom of Python: making one does nothing, whichever module it stands in.
bool IsExceptionClass(std::string_view name) {
  return !name.empty() && name[0] >= 'A' && name[0] <= 'Z' && name.find('.') == std::string_view::npos &&
         (name.ends_with("Error") || name.ends_with("Exception") || name.ends_with("Warning"));
}

std::string_view FirstPart(std::string_view path) { return path.substr(0, path.find('.')); }

// A module's own name, of the names that other modules have for it (_os, np).
std::string_view ModuleName(std::string_view part) {
  const size_t start = std::min(part.find_first_not_of('_'), part.size());
  part = part.substr(start, part.find_last_not_of('_') + 1 - start);
  const auto aliases = ModuleAliases();
  const auto found = std::ranges::find(aliases, part, &ModuleAlias::alias);
  return found == aliases.end() ? part : found->module;
}

// Looks at a dotted path at every split into module and name, the longest module first. The first row that it meets
// decides.
const SymbolRow* RowOfPath(std::string_view path) {
  const SymbolRow* decisive = nullptr;
  for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
    const std::string_view module = path.substr(0, dot);
    if (!IsOnTheWay(module)) break;
    const SymbolRow* row = FindRow(module, path.substr(dot + 1));
    if (row == nullptr) row = FindRow(module, "*");
    if (row != nullptr) decisive = row;
  }
  return decisive;
}

// What the rest of a name is that a walk through modules has come to.
const SymbolRow* RowOfWalk(std::string_view rest) {
  const std::string_view part = FirstPart(rest);
  if (part.size() == rest.size()) return nullptr;
  std::string path(ModuleName(part));
  path.append(rest.substr(part.size()));
  return RowOfPath(path);
}

// Looks at the parts of a name by themselves: whichever module it begins in, others are reached through it.
std::optional<Family> DangerOfParts(std::string_view name) {
  const Words& words = TheWords();
  for (bool first = true; !name.empty(); first = false) {
    const std::string_view part = FirstPart(name);
    if (IsSpecial(part)) return Family::kObjectModel;
    if (words.walked.contains(ModuleName(part))) return Family::kWalk;
    const SymbolRow* row = RowOfWalk(name);
    if (row != nullptr && row->symbol_class == SymbolClass::kDangerous) return row->family;
    if (words.functions.contains(part)) return Family::kWalk;
    const auto method = first ? words.methods.end() : words.methods.find(part);
    if (method != words.methods.end()) return method->second;
    name.remove_prefix(std::min(part.size() + 1, name.size()));
  }
  return std::nullopt;
}

// Copies that packages bring along (botocore.vendored.requests), and programs.
std::optional<Family> DangerOfModule(std::string_view module) {
  while (module.find('.') != std::string_view::npos) {
    module.remove_prefix(module.find('.') + 1);
    if (TheWords().vendored.contains(FirstPart(module))) return Family::kWalk;
    if (FirstPart(module) == "__main__") return Family::kImport;
  }
  return std::nullopt;
}

void AppendEscapedByte(uint8_t byte, std::string& text) {
  constexpr char kDigits[] = "0123456789abcdef";
  text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 0xF]};
}

// Text that UTF-8 has: other bytes as \xNN. A lone surrogate is three of those.
std::string Readable(std::string_view text) {
  std::string readable;
  while (!text.empty()) {
    const std::string_view before = text;
    const auto code_point = TakeCodePoint(text);
    if (code_point && !IsSurrogate(*code_point)) {
      readable += before.substr(0, before.size() - text.size());
      continue;
    }
    AppendEscapedByte(static_cast<uint8_t>(before[0]), readable);
    text = before.substr(1);
  }
  return readable;
}

}  // namespace

Classification Classify(std::string_view module, std::string_view name) {
  if (const SymbolRow* row = FindRow(module, name)) return FromRow(*row);
  if (IsExceptionClass(name)) return {};
  std::string path(module);
  path.append(1, '.').append(name);
  if (static_cast<size_t>(std::ranges::count(path, '.')) >= kMaxParts) return Dangerous(Family::kDepth);
  const SymbolRow* row = RowOfPath(path);
  if (row != nullptr && row->symbol_class == SymbolClass::kDangerous) return FromRow(*row);
  if (const auto family = DangerOfParts(name)) return Dangerous(*family);
  if (const auto family = DangerOfModule(module)) return Dangerous(*family);
  return {};
}

Result<uint32_t> Symbols::Use(std::string_view module, std::string_view name, uint64_t offset, uint32_t level) {
  if (module.empty() || name.empty() || module.size() > kMaxName || name.size() > kMaxName) {
    return Fail(Reason::kPickleMalformed, "a symbol whose name is empty or too long", offset);
  }
  key_.assign(module).append(1, '\0').append(name).append(std::to_string(module.size())).append(known_module_);
  if (const auto known = index_.find(key_); known != index_.end()) {
    ++uses_[known->second].uses;
    return known->second;
  }
  const PythonName mapped = MapPython2Name({module, name});
  uint32_t symbol = 0;
  if (mapped.module == module && mapped.name == name) {
    symbol = static_cast<uint32_t>(uses_.size());
    Classification classification = Classify(module, name);
    if (classification.symbol_class == SymbolClass::kUnknown && IsOfKnownModule(module)) {
      classification = {.symbol_class = SymbolClass::kKnown, .builder = Builder::kExternal, .danger = {}};
    }
    uses_.push_back({.module = Readable(module),
                     .name = Readable(name),
                     .symbol_class = classification.symbol_class,
                     .danger = classification.danger,
                     .builder = classification.builder,
                     .runs_on_import = classification.runs_on_import,
                     .uses = 1,
                     .would_call = false,
                     .first_offset = offset,
                     .level = level});
  } else {
    const std::string key = key_;
    AIRLOCK_ASSIGN(symbol, Use(mapped.module, mapped.name, offset, level));
    key_ = key;
  }
  index_.emplace(key_, symbol);
  return symbol;
}

bool Symbols::IsOfKnownModule(std::string_view module) const {
  if (known_module_.empty() || !module.starts_with(known_module_)) return false;
  return module.size() == known_module_.size() || module[known_module_.size()] == '.';
}

void Symbols::Settle() {
  for (SymbolUse& use : uses_) {
    if (!use.decoded || use.would_call) continue;
    use.symbol_class = SymbolClass::kKnown;
    use.would_call = true;
  }
}

std::string Symbols::FullName(uint32_t symbol) const { return uses_[symbol].module + "." + uses_[symbol].name; }

}  // namespace airlock::pickle
