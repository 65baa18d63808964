#include "sandbox/formats/npy_header.h"

#include <algorithm>
#include <optional>

#include "sandbox/base/checked.h"
#include "sandbox/base/little_endian.h"
#include "sandbox/pickle/utf8.h"

namespace airlock::formats {
namespace {

using std::string_view_literals::operator""sv;  // NOLINT(misc-unused-using-decls): clang-tidy 14 does not see literals

constexpr std::string_view kMagic = "\x93NUMPY"sv;
constexpr uint8_t kHighestVersion = 3;

std::string FromLatin1(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) pickle::AppendUtf8(static_cast<uint8_t>(byte), text);
  return text;
}

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
    return bit == kShape ? Shape(header_.shape) : Fortran();
  }

  Result<void> Descr() {
    SkipSpace();
    if (next_ < text_.size() && text_[next_] == '[') return Fields();
    AIRLOCK_ASSIGN(header_.descr, String());
    return {};
  }

  // [('x', '<f4'), (('title', 'y'), [('z', '<i4', (2, 3)), ('', '|V4')])]: fields follow each other, and those of no
  // name are padding.
  Result<void> Fields() {
    header_.structure.emplace();
    open_ = {0};
    AIRLOCK_TRY(Expect('['));
    while (!open_.empty()) AIRLOCK_TRY(Takes(']') ? Close() : Field());
    if (!header_.structure->IsSound()) return Malformed("has fields that no numpy array has");
    return {};
  }

  // As far as its type, or the list of its own fields.
  Result<void> Field() {
    AIRLOCK_TRY(Expect('('));
    tensors::NumpyField field{.parent = open_.back()};
    if (Takes('(')) {
      AIRLOCK_ASSIGN(field.title, String());
      AIRLOCK_TRY(Expect(','));
      AIRLOCK_ASSIGN(field.name, String());
      AIRLOCK_TRY(Expect(')'));
    } else {
      AIRLOCK_ASSIGN(field.name, String());
    }
    AIRLOCK_TRY(Expect(','));
    field.is_structure = Takes('[');
    if (field.is_structure) {
      open_.push_back(header_.structure->Add(std::move(field)));
      return {};
    }
    AIRLOCK_ASSIGN(const std::string descr, String());
    const std::optional<tensors::NumpyDType> dtype = tensors::ParseNumpyDType(descr);
    if (!dtype) return Fail(Reason::kUnsupportedFeature, "a numpy array of '" + descr + "', which is not read", at_);
    field.dtype = *dtype;
    return EndField(header_.structure->Add(std::move(field)));
  }

  // The list of fields ends; what holds it does too, but for the array's own.
  Result<void> Close() {
    const uint32_t structure = open_.back();
    open_.pop_back();
    return open_.empty() ? Result<void>() : EndField(structure);
  }

  // The shape of a sub-array, and the end.
  Result<void> EndField(uint32_t index) {
    if (Takes(',')) AIRLOCK_TRY(Shape(header_.structure->field(index).shape));
    AIRLOCK_TRY(Expect(')'));
    if (!Takes(',') && !text_.substr(next_).starts_with(']')) return Malformed("has fields that are no list");
    tensors::NumpyField& field = header_.structure->field(index);
    uint64_t& end = header_.structure->field(field.parent).dtype.item_size;
    field.offset = end;
    const std::optional<uint64_t> bytes = field.Bytes();
    const std::optional<uint64_t> next = bytes ? CheckedAdd(end, *bytes) : std::nullopt;
    if (!next) return Malformed("has fields that cannot be counted");
    end = *next;
    const bool padding = field.name.empty() && !field.title && field.dtype.text.starts_with("|V");
    if (padding) header_.structure->RemoveLast();
    return {};
  }

  Result<void> Fortran() {
    header_.fortran = TakesWord("True");
    if (!header_.fortran && !TakesWord("False")) return Malformed("has a fortran_order that is no bool");
    return {};
  }

  // (), (3,), (3, 4) or (3, 4,)
  Result<void> Shape(std::vector<uint64_t>& shape) {
    AIRLOCK_TRY(Expect('('));
    bool comma = true;
    while (!Takes(')')) {
      if (!comma) return Malformed("has a shape that is no tuple");
      AIRLOCK_ASSIGN(const uint64_t size, Number());
      shape.push_back(size);
      if (shape.size() > max_dims_) return FailLimit("dims", max_dims_, shape.size(), at_ + next_);
      comma = Takes(',');
    }
    if (shape.size() == 1 && !comma) return Malformed("has a shape that is no tuple");
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
  std::vector<uint32_t> open_;  // structures whose fields are being read
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
  std::string text(reinterpret_cast<const char*>(source.peek()), length);
  source.Skip(length);
  // Names of fields may be more than ASCII, in UTF-8 since version 3.
  if (major < 3) text = FromLatin1(text);
  if (!pickle::IsUtf8(text, pickle::Surrogates::kRefuse))
    return Fail(Reason::kNpyMalformed, "the .npy header is no text", at);
  return ParseNpyHeader(text, max_dims, at);
}

}  // namespace airlock::formats
