#include "sandbox/tensors/numpy_dtype.h"

#include <algorithm>
#include <array>

#include "sandbox/base/checked.h"
#include "sandbox/tensors/dtypes.h"

namespace airlock::tensors {
namespace {

struct NumberRow {
  std::string_view code;
  DType number;  // kNone: a long double, which torch has not
  uint8_t item_size;
  std::string_view class_name;
};

constexpr std::array kNumbers = {
    NumberRow{"b1", DType::kBool, 1, "BoolDType"},
    NumberRow{"i1", DType::kInt8, 1, "Int8DType"},
    NumberRow{"i2", DType::kInt16, 2, "Int16DType"},
    NumberRow{"i4", DType::kInt32, 4, "Int32DType"},
    NumberRow{"i8", DType::kInt64, 8, "Int64DType"},
    NumberRow{"u1", DType::kUInt8, 1, "UInt8DType"},
    NumberRow{"u2", DType::kUInt16, 2, "UInt16DType"},
    NumberRow{"u4", DType::kUInt32, 4, "UInt32DType"},
    NumberRow{"u8", DType::kUInt64, 8, "UInt64DType"},
    NumberRow{"f2", DType::kFloat16, 2, "Float16DType"},
    NumberRow{"f4", DType::kFloat32, 4, "Float32DType"},
    NumberRow{"f8", DType::kFloat64, 8, "Float64DType"},
    NumberRow{"c8", DType::kComplex64, 8, "Complex64DType"},
    NumberRow{"c16", DType::kComplex128, 16, "Complex128DType"},
    NumberRow{"f12", DType::kNone, 12, ""},
    NumberRow{"f16", DType::kNone, 16, "LongDoubleDType"},
    NumberRow{"c24", DType::kNone, 24, ""},
    NumberRow{"c32", DType::kNone, 32, "CLongDoubleDType"},
};

// Kinds whose code ends with a length, and the bytes that one of it takes.
struct LengthRow {
  char kind;
  uint8_t unit;
  bool has_order;  // each unit has one
};
constexpr std::array kLengths = {LengthRow{'S', 1, false}, LengthRow{'U', 4, true}, LengthRow{'V', 1, false}};

constexpr std::array<std::string_view, 14> kUnits = {"Y",  "M",  "W",  "D",  "h",  "m",  "s",
                                                     "ms", "us", "ns", "ps", "fs", "as", "generic"};

bool IsOrder(char order) { return order == '<' || order == '>' || order == '|' || order == '='; }

// Of at most nine digits, without leading zeroes. "" is 0 ("S", as Python 2 wrote it).
std::optional<uint64_t> Length(std::string_view digits) {
  if (digits.size() > 9 || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

// "[ns]" or "[25us]"; also empty, a date without unit.
bool IsUnit(std::string_view unit) {
  if (unit.empty()) return true;
  if (unit.size() < 3 || unit.front() != '[' || unit.back() != ']') return false;
  unit = unit.substr(1, unit.size() - 2);
  const size_t name = unit.find_first_not_of("0123456789");
  if (name == std::string_view::npos || !Length(unit.substr(0, name))) return false;
  return std::find(kUnits.begin(), kUnits.end(), unit.substr(name)) != kUnits.end();
}

NumpyDType Make(char order, std::string_view code, uint64_t item_size, uint64_t swap_size) {
  NumpyDType made;
  made.item_size = item_size;
  const char shown = swap_size <= 1 ? '|' : (order == '>' ? '>' : '<');
  made.text.append(1, shown).append(code);
  if (shown == '>') made.swap_size = swap_size;
  return made;
}

NumpyDType MakeNumber(const NumberRow& row, char order) {
  const uint64_t half = row.code.front() == 'c' ? 2 : 1;
  NumpyDType made = Make(order, row.code, row.item_size, row.item_size / half);
  made.number = row.number;
  return made;
}

}  // namespace

std::optional<NumpyDType> FindNumpyDType(std::string_view code, char order, std::string_view unit) {
  if (code.empty() || !IsOrder(order)) return std::nullopt;
  if (code == "M8" || code == "m8") {
    if (!IsUnit(unit) || order == '|') return std::nullopt;
    return Make(order, std::string(code).append(unit), 8, 8);
  }
  if (!unit.empty()) return std::nullopt;
  const auto* const row =
      std::find_if(kNumbers.begin(), kNumbers.end(), [&](const NumberRow& number) { return number.code == code; });
  if (row != kNumbers.end()) {
    if (order == '|' && row->item_size > 1) return std::nullopt;
    return MakeNumber(*row, order);
  }
  if (code == "O" || code == "O8" || code == "O4") {
    NumpyDType made = Make('|', "O", 0, 1);
    made.is_object = true;
    return made;
  }
  const auto* const kind =
      std::find_if(kLengths.begin(), kLengths.end(), [&](const LengthRow& length) { return length.kind == code[0]; });
  const std::optional<uint64_t> length = Length(code.substr(1));
  if (kind == kLengths.end() || !length) return std::nullopt;
  std::string shown(1, code[0]);
  shown += std::to_string(*length);
  const uint64_t swap_size = kind->has_order ? kind->unit : 1;
  if (order == '|' && swap_size > 1) return std::nullopt;
  NumpyDType made = Make(order, shown, *length * kind->unit, swap_size);
  made.is_flexible = true;
  return made;
}

std::optional<NumpyDType> ParseNumpyDType(std::string_view text) {
  if (text.size() < 2 || !IsOrder(text[0])) return std::nullopt;
  const size_t bracket = std::min(text.find('['), text.size());
  return FindNumpyDType(text.substr(1, bracket - 1), text[0], text.substr(bracket));
}

std::string_view CodeOfNumpyClass(std::string_view name) {
  const auto* const row = std::find_if(kNumbers.begin(), kNumbers.end(),
                                       [&](const NumberRow& number) { return number.class_name == name; });
  return row == kNumbers.end() || name.empty() ? std::string_view() : row->code;
}

}  // namespace airlock::tensors
