#include "sandbox/formats/npy_header.h"

#include <algorithm>
#include <optional>

#include "sandbox/base/checked.h"
#include "sandbox/formats/little_endian.h"

namespace airlock::formats {
namespace {

using std::string_view_literals::operator""sv;  // NOLINT(misc-unused-using-decls): clang-tidy 14 does not see literals

constexpr std::string_view kMagic = "\x93NUMPY"sv;
constexpr uint8_t kHighestVersion = 3;

class Parser {
 public:
  Parser(std::string_view text, uint64_t max_dims, uint64_t at) : text_(text), max_dims_(max_dims), at_(at) {}

  Result<NpyHeader> Parse() {
    AIRLOCK_TRY(Expect('{'));
    while (!Takes('}')) {
      AIRLOCK_TRY(Item());
      if (Takes(',')) continue;
      AIRLOCK_TRY(Expect('}'));
      break;
    }
    SkipSpace();
    if (next_ != text_.size()) return Malformed("has something behind its dict");
    if (seen_ != kAllKeys) return Malformed("lacks a key");
    return std::move(header_);
  }

 private:
  static constexpr unsigned kDescr = 1;
  static constexpr unsigned kFortran = 2;
  static constexpr unsigned kShape = 4;
  static constexpr unsigned kAllKeys = 7;

  Unexpected<Error> Malformed(const char* what) const {
    return Fail(Reason::kNpyMalformed, std::string("the .npy header ") + what, at_ + next_);
  }

  void SkipSpace() { next_ = std::min(text_.find_first_not_of(" \n"sv, next_), text_.size()); }

  bool Takes(char c) {
    SkipSpace();
    if (next_ >= text_.size() || text_[next_] != c) return false;
    ++next_;
    return true;
  }

  Result<void> Expect(char c) {
    if (!Takes(c)) return Malformed("is not the dict that numpy writes");
    return {};
  }

  bool TakesWord(std::string_view word) {
    SkipSpace();
    if (!text_.substr(next_).starts_with(word)) return false;
    next_ += word.size();
    return true;
  }

  // Without escapes: numpy writes none here.
  Result<std::string> String() {
    SkipSpace();
    const char quote = next_ < text_.size() ? text_[next_] : '\0';
    if (quote != '\'' && quote != '"') return Malformed("has no text where one must be");
    const size_t end = text_.find(quote, next_ + 1);
    if (end == std::string_view::npos) return Malformed("has text without an end");
    const std::string_view content = text_.substr(next_ + 1, end - next_ - 1);
    if (content.find_first_of("\\\n"sv) != std::string_view::npos) return Malformed("has text with escapes");
    next_ = end + 1;
    return std::string(content);
  }

  Result<void> Item() {
    AIRLOCK_ASSIGN(const std::string key, String());
    AIRLOCK_TRY(Expect(':'));
    const unsigned bit = key == "descr" ? kDescr : key == "fortran_order" ? kFortran : key == "shape" ? kShape : 0;
    if (bit == 0 || (seen_ & bit) != 0) return Malformed("has a key that is none, or twice");
    seen_ |= bit;
    if (bit == kDescr) return Descr();
    return bit == kShape ? Shape() : Fortran();
  }

  Result<void> Descr() {
    SkipSpace();
    if (next_ < text_.size() && text_[next_] == '[') return StructuredDescr();
    AIRLOCK_ASSIGN(header_.descr, String());
    return {};
  }

  // [('x', '<f4'), ('y', '<i4', (2, 3))]: only where it ends is looked for.
  Result<void> StructuredDescr() {
    header_.structured = true;
    int64_t depth = 0;
    do {
      AIRLOCK_ASSIGN(const int step, StepOfDescr());
      depth += step;
    } while (depth > 0);
    return {};
  }

  // Takes a text or a character; how much deeper it leads.
  Result<int> StepOfDescr() {
    SkipSpace();
    if (next_ >= text_.size()) return Malformed("has a list without an end");
    const char c = text_[next_];
    if (c == '\'' || c == '"') {
      AIRLOCK_TRY(String());
      return 0;
    }
    ++next_;
    return c == '[' || c == '(' ? 1 : c == ']' || c == ')' ? -1 : 0;
  }

  Result<void> Fortran() {
    header_.fortran = TakesWord("True");
    if (!header_.fortran && !TakesWord("False")) return Malformed("has a fortran_order that is no bool");
    return {};
  }

  // (), (3,), (3, 4) or (3, 4,)
  Result<void> Shape() {
    AIRLOCK_TRY(Expect('('));
    bool comma = true;
    while (!Takes(')')) {
      if (!comma) return Malformed("has a shape that is no tuple");
      AIRLOCK_ASSIGN(const uint64_t size, Number());
      header_.shape.push_back(size);
      if (header_.shape.size() > max_dims_) return FailLimit("dims", max_dims_, header_.shape.size(), at_ + next_);
      comma = Takes(',');
    }
    if (header_.shape.size() == 1 && !comma) return Malformed("has a shape that is no tuple");
    return {};
  }

  // Python 2 wrote long integers with an L.
  Result<uint64_t> Number() {
    SkipSpace();
    const size_t start = next_;
    uint64_t value = 0;
    for (; next_ < text_.size() && text_[next_] >= '0' && text_[next_] <= '9'; ++next_) {
      const auto tens = CheckedMul(value, 10);
      const auto sum = tens ? CheckedAdd(*tens, static_cast<uint64_t>(text_[next_] - '0')) : std::nullopt;
      if (!sum || *sum > INT64_MAX) return Malformed("has a size that cannot be counted");
      value = *sum;
    }
    if (next_ == start || (text_[start] == '0' && next_ - start > 1)) return Malformed("has a size that is no number");
    if (next_ < text_.size() && text_[next_] == 'L') ++next_;
    return value;
  }

  std::string_view text_;
  uint64_t max_dims_;
  uint64_t at_;
  size_t next_ = 0;
  unsigned seen_ = 0;
  NpyHeader header_;
};

}  // namespace

Result<NpyHeader> ParseNpyHeader(std::string_view text, uint64_t max_dims, uint64_t at) {
  return Parser(text, max_dims, at).Parse();
}

Result<NpyHeader> ReadNpyHeader(pickle::Source& source, uint64_t max_dims) {
  const uint64_t start = source.offset();
  AIRLOCK_TRY(source.Need(kMagic.size() + 2));
  const uint8_t major = source.peek()[kMagic.size()];
  const uint8_t minor = source.peek()[kMagic.size() + 1];
  if (!std::equal(kMagic.begin(), kMagic.end(), source.peek(),
                  [](char a, uint8_t b) { return a == static_cast<char>(b); })) {
    return Fail(Reason::kNpyMalformed, "no numpy array: it does not start as a .npy file does", start);
  }
  if (major < 1 || major > kHighestVersion || minor != 0) {
    return Fail(Reason::kUnsupportedFeature,
                ".npy files of version " + std::to_string(major) + "." + std::to_string(minor) + " are not read",
                start);
  }
  source.Skip(kMagic.size() + 2);
  const size_t width = major == 1 ? 2 : 4;
  AIRLOCK_TRY(source.Need(width));
  const uint64_t length = width == 2 ? LoadLittle<uint16_t>(source.peek()) : LoadLittle<uint32_t>(source.peek());
  source.Skip(width);
  if (length > kMaxNpyHeader) {
    return Fail(Reason::kNpyMalformed,
                "a .npy header of " + std::to_string(length) + " bytes, which numpy never writes", start);
  }
  if (length > source.remaining()) return Fail(Reason::kTruncated, "inside its .npy header", source.offset());
  const uint64_t at = source.offset();
  AIRLOCK_TRY(source.Need(length));
  const std::string text(reinterpret_cast<const char*>(source.peek()), length);
  source.Skip(length);
  return ParseNpyHeader(text, max_dims, at);
}

}  // namespace airlock::formats
