#include "sandbox/formats/evaluated_text.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "sandbox/pickle/symbols.h"

namespace airlock::formats {
namespace {

// Functions of numbers: sympy's, those that torch gives it, and what guards ask of tensors.
constexpr std::string_view kFunctions[] = {
    "Abs",
    "Add",
    "And",
    "BooleanFalse",
    "BooleanTrue",
    "CeilDiv",
    "CeilToInt",
    "CleanDiv",
    "Eq",
    "Equality",
    "ExprCondPair",
    "Float",
    "FloatPow",
    "FloatTrueDiv",
    "FloorDiv",
    "FloorToInt",
    "Ge",
    "GreaterThan",
    "Gt",
    "ITE",
    "Identity",
    "IntTrueDiv",
    "Integer",
    "IsNonOverlappingAndDenseIndicator",
    "LShift",
    "Le",
    "LessThan",
    "Lt",
    "Max",
    "Min",
    "Mod",
    "ModularIndexing",
    "Mul",
    "Ne",
    "Not",
    "Or",
    "Piecewise",
    "Pow",
    "PowByNatural",
    "PythonMod",
    "RShift",
    "Rational",
    "RoundDecimal",
    "RoundToInt",
    "StrictGreaterThan",
    "StrictLessThan",
    "Symbol",
    "ToFloat",
    "TruncToFloat",
    "TruncToInt",
    "Tuple",
    "Unequality",
    "Where",
    "Xor",
    "abs",
    "bool",
    "ceil",
    "ceiling",
    "cast_symbool_to_symint_guardless",
    "dim",
    "exp",
    "float",
    "floor",
    "int",
    "is_integer",
    "isinf",
    "isnan",
    "item",
    "len",
    "log",
    "log2",
    "max",
    "min",
    "numel",
    "pow",
    "round",
    "size",
    "sqrt",
    "storage_offset",
    "stride",
    "sym_float",
    "sym_int",
    "sym_ite",
    "sym_max",
    "sym_min",
    "sym_not",
    "trunc",
};
// Families that have a function for each operation.
constexpr std::string_view kFamilies[] = {"OpaqueUnaryFn_", "BitwiseFn_", "_sym_"};
// What takes the name of a symbol or the digits of a number. Other functions evaluate a text that they are given, and a
// text can be put together of harmless ones.
constexpr std::string_view kTakeText[] = {"Float", "Integer", "Rational", "Symbol"};
// Words of Python that are no names.
constexpr std::string_view kOperators[] = {"and", "or", "not", "is", "if", "else"};
constexpr std::string_view kKeywords[] = {"lambda", "for",   "in",    "import", "yield", "await",  "async", "del",
                                          "exec",   "print", "class", "def",    "with",  "global", "from",  "assert"};

constexpr std::string_view kPunctuation = "()[],.=+-*/%<>!&|~";

template <size_t n>
bool IsOneOf(const std::string_view (&words)[n], std::string_view word) {
  return std::ranges::find(words, word) != std::end(words);
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool IsFunction(std::string_view name) {
  const auto of_family = [name](std::string_view family) { return name.starts_with(family); };
  return IsOneOf(kFunctions, name) || std::ranges::any_of(kFamilies, of_family);
}

class Grammar {
 public:
  explicit Grammar(std::string_view text) : text_(text) {}

  Evaluated Run() {
    while (at_ < text_.size()) {
      const Evaluated step = Step();
      worst_ = std::max(worst_, step);
      if (worst_ == Evaluated::kReaching) break;
    }
    return worst_;
  }

 private:
  // What stood before: decides what a bracket does.
  enum class Before : uint8_t { kOperator, kFunction, kValue };

  Evaluated Step() {
    const char c = text_[at_];
    if (c == ' ') {
      ++at_;
      return Evaluated::kPlain;
    }
    const bool attribute = std::exchange(after_dot_, false);
    const bool text_may_follow = std::exchange(text_may_follow_, false);
    if (IsLetter(c)) return Name(attribute);
    if (IsDigit(c)) return Number();
    if (c == '\'' || c == '"') return std::max(Quoted(c), text_may_follow ? Evaluated::kPlain : Evaluated::kUnknown);
    ++at_;
    return Punctuation(c);
  }

  Evaluated Punctuation(char c) {
    if (kPunctuation.find(c) == std::string_view::npos) return Evaluated::kUnknown;
    // A call of what no name says.
    const bool computed = c == '(' && before_ == Before::kValue;
    after_dot_ = c == '.';
    text_may_follow_ =
        (c == '(' && before_ == Before::kFunction && takes_text_) || (c == '[' && before_ == Before::kValue);
    before_ = c == ')' || c == ']' ? Before::kValue : Before::kOperator;
    return computed ? Evaluated::kReaching : Evaluated::kPlain;
  }

  // What an attribute is, only the object knows: texts with brackets in them, for some of sympy's. Methods are known.
  Evaluated Name(bool attribute) {
    const size_t end = std::min(text_.find_first_not_of(kWord, at_), text_.size());
    const std::string_view name = text_.substr(at_, end - at_);
    at_ = end;
    if (name.find("__") != std::string_view::npos || IsOneOf(kKeywords, name)) return Evaluated::kReaching;
    const size_t next = text_.find_first_not_of(' ', at_);
    const bool called = next != std::string_view::npos && text_[next] == '(';
    if (IsOneOf(kOperators, name)) {
      before_ = Before::kOperator;
      return Evaluated::kPlain;
    }
    before_ = called ? Before::kFunction : Before::kValue;
    takes_text_ = IsOneOf(kTakeText, name);
    const bool dangerous = pickle::Classify("builtins", name).symbol_class == pickle::SymbolClass::kDangerous;
    if (dangerous || name == "getattr") return Evaluated::kReaching;
    // max(..., key=f) calls f.
    const bool known = called ? IsFunction(name) : !attribute;
    return name == "key" || !known ? Evaluated::kUnknown : Evaluated::kPlain;
  }

  // "1.5e-10" ends before its sign, which is an operator then; a point at the end may be that of an attribute.
  Evaluated Number() {
    at_ = std::min(text_.find_first_not_of(kNumber, at_), text_.size());
    if (text_[at_ - 1] == '.') --at_;
    before_ = Before::kValue;
    return Evaluated::kPlain;
  }

  // The name of a symbol, or the digits of a number.
  Evaluated Quoted(char quote) {
    const size_t end = text_.find(quote, at_ + 1);
    const size_t inside = std::min(text_.find_first_not_of(kInQuotes, at_ + 1), text_.size());
    if (end == std::string_view::npos || inside < end) {
      at_ = text_.size();
      return Evaluated::kUnknown;
    }
    at_ = end + 1;
    before_ = Before::kValue;
    return Evaluated::kPlain;
  }

  static constexpr std::string_view kWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  static constexpr std::string_view kNumber = "0123456789.eE";
  static constexpr std::string_view kInQuotes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-";

  const std::string_view text_;
  size_t at_ = 0;
  Before before_ = Before::kOperator;
  bool after_dot_ = false;
  bool takes_text_ = false;
  bool text_may_follow_ = false;
  Evaluated worst_ = Evaluated::kPlain;
};

}  // namespace

Evaluated JudgeEvaluated(std::string_view text) { return Grammar(text).Run(); }

}  // namespace airlock::formats
