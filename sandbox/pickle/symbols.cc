#include "sandbox/pickle/symbols.h"

#include <algorithm>
#include <compare>

#include "sandbox/pickle/symbol_table.h"
#include "sandbox/pickle/utf8.h"

namespace airlock::pickle {
namespace {

// Parts that a dotted path may have. Real ones have up to ten.
constexpr size_t kMaxParts = 32;

struct Entry {
  std::string_view module;
  std::string_view name;
  const SymbolRow* row;
};

auto Key(const Entry& entry) { return std::pair(entry.module, entry.name); }

// The rows with one entry a name, sorted. Made once, at the first symbol.
std::vector<Entry> SpreadRows() {
  std::vector<Entry> entries;
  entries.reserve(1024);
  for (const SymbolRow& row : SymbolRows()) {
    for (std::string_view names = row.names; !names.empty();) {
      const size_t end = std::min(names.find(' '), names.size());
      entries.push_back({row.module, names.substr(0, end), &row});
      names.remove_prefix(std::min(end + 1, names.size()));
    }
  }
  std::ranges::stable_sort(entries, std::less<>(), Key);
  return entries;
}

const SymbolRow* FindRow(std::string_view module, std::string_view name) {
  static const std::vector<Entry> entries = SpreadRows();
  const auto found = std::ranges::lower_bound(entries, std::pair(module, name), std::less<>(), Key);
  return found != entries.end() && found->module == module && found->name == name ? found->row : nullptr;
}

Classification Dangerous(Family family) {
  return {.symbol_class = SymbolClass::kDangerous, .builder = Builder::kNone, .danger = Reason(family)};
}

Classification FromRow(const SymbolRow& row) {
  return {.symbol_class = row.symbol_class, .builder = row.builder, .danger = Reason(row.family)};
}

// __class__, __globals__ and their like: no writer names them, and from each there is a way to everything.
bool IsSpecial(std::string_view part) {
  return part.size() > 4 && part.starts_with("__") && part.ends_with("__") && part != "__newobj__" &&
         part != "__newobj_ex__";
}

// Looks at a dotted path at every split into module and name.
std::optional<Family> DangerOfPath(std::string_view path) {
  for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
    const std::string_view module = path.substr(0, dot);
    const SymbolRow* row = FindRow(module, "*");
    if (row == nullptr) row = FindRow(module, path.substr(dot + 1));
    if (row != nullptr && row->symbol_class == SymbolClass::kDangerous) return row->family;
  }
  return std::nullopt;
}

// Looks at the parts of a name by themselves.
std::optional<Family> DangerOfParts(std::string_view name) {
  while (!name.empty()) {
    const size_t end = std::min(name.find('.'), name.size());
    const std::string_view part = name.substr(0, end);
    if (IsSpecial(part)) return Family::kObjectModel;
    if (std::ranges::find(WalkedModules(), part) != WalkedModules().end()) return Family::kWalk;
    name.remove_prefix(std::min(end + 1, name.size()));
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
  const std::string path = std::string(module) + "." + std::string(name);
  if (static_cast<size_t>(std::ranges::count(path, '.')) >= kMaxParts) return Dangerous(Family::kDepth);
  if (const auto family = DangerOfPath(path)) return Dangerous(*family);
  if (const auto family = DangerOfParts(name)) return Dangerous(*family);
  return {};
}

Result<uint32_t> Symbols::Use(std::string_view module, std::string_view name, uint64_t offset, uint32_t level) {
  if (module.empty() || name.empty() || module.size() > kMaxName || name.size() > kMaxName) {
    return Fail(Reason::kPickleMalformed, "a symbol whose name is empty or too long", offset);
  }
  key_.assign(module).append(1, '\0').append(name).append(std::to_string(module.size()));
  if (const auto known = index_.find(key_); known != index_.end()) {
    ++uses_[known->second].uses;
    return known->second;
  }
  const PythonName mapped = MapPython2Name({module, name});
  uint32_t symbol = 0;
  if (mapped.module == module && mapped.name == name) {
    symbol = static_cast<uint32_t>(uses_.size());
    const Classification classification = Classify(module, name);
    uses_.push_back({.module = Readable(module),
                     .name = Readable(name),
                     .symbol_class = classification.symbol_class,
                     .danger = classification.danger,
                     .builder = classification.builder,
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

std::string Symbols::FullName(uint32_t symbol) const { return uses_[symbol].module + "." + uses_[symbol].name; }

}  // namespace airlock::pickle
