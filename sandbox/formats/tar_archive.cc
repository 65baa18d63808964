#include "sandbox/formats/tar_archive.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <unordered_set>

#include "sandbox/base/checked.h"
#include "sandbox/base/keyed_hash.h"

namespace airlock::formats {
namespace {

constexpr uint64_t kBlock = 512;
// Zeros after the end: a writer fills up its last record. The largest record that GNU tar writes.
constexpr uint64_t kMaxFill = uint64_t{1} << 20;
// Times and owners need some 300 bytes.
constexpr uint64_t kMaxExtended = 4096;
// Names are short: the longest that a header holds is 100 bytes. What has more has more files than torch ever wrote.
constexpr size_t kMaxMembers = 1000;

// What an extended header may say: nothing that changes which bytes a member is.
constexpr std::string_view kHarmlessKeys[] = {"mtime", "atime", "ctime", "uid", "gid", "uname", "gname"};

using Block = std::array<uint8_t, kBlock>;

Unexpected<Error> Malformed(const std::string& what, uint64_t at) { return Fail(Reason::kTarMalformed, what, at); }
Unexpected<Error> Ambiguous(const std::string& what, uint64_t at) { return Fail(Reason::kTarAmbiguous, what, at); }

std::string_view Field(const Block& block, size_t offset, size_t length) {
  return {reinterpret_cast<const char*>(block.data()) + offset, length};
}

bool IsZero(std::span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

// Octal digits, then only NULs and blanks. Binary sizes and signs are not among them.
std::optional<uint64_t> Octal(std::string_view field) {
  uint64_t value = 0;
  size_t digits = 0;
  while (digits < field.size() && field[digits] >= '0' && field[digits] <= '7') {
    value = value * 8 + static_cast<uint64_t>(field[digits++] - '0');  // 12 digits at most: no overflow
  }
  const auto filler = [](char c) { return c == '\0' || c == ' '; };
  if (digits == 0 || !std::all_of(field.begin() + static_cast<std::ptrdiff_t>(digits), field.end(), filler)) {
    return std::nullopt;
  }
  return value;
}

// Text up to a NUL; absent where something stands behind it.
std::optional<std::string_view> Text(std::string_view field) {
  const size_t end = std::min(field.find('\0'), field.size());
  if (field.find_first_not_of('\0', end) != std::string_view::npos) return std::nullopt;
  return field.substr(0, end);
}

bool ChecksumIsRight(const Block& block) {
  constexpr size_t kOffset = 148;
  constexpr size_t kLength = 8;
  const std::optional<uint64_t> announced = Octal(Field(block, kOffset, kLength));
  uint64_t sum = kLength * uint64_t{' '};
  for (size_t i = 0; i < kBlock; ++i) sum += i >= kOffset && i < kOffset + kLength ? 0 : block[i];
  return announced == sum;
}

bool IsPlainName(std::string_view name) {
  const auto bad = [](char c) {
    return c == '\\' || static_cast<uint8_t>(c) <= 0x20 || static_cast<uint8_t>(c) >= 0x7F;
  };
  if (name.empty() || std::any_of(name.begin(), name.end(), bad)) return false;
  for (std::string_view rest = name;;) {
    const size_t slash = rest.find('/');
    const std::string_view component = rest.substr(0, slash);
    if (component.empty() || component == "." || component == "..") return false;
    if (slash == std::string_view::npos) return true;
    rest.remove_prefix(slash + 1);
  }
}

// "LENGTH KEY=VALUE\n" after each other, of harmless keys.
bool IsHarmless(std::string_view records) {
  while (!records.empty()) {
    uint64_t length = 0;
    size_t digits = 0;
    while (digits < 4 && digits < records.size() && records[digits] >= '0' && records[digits] <= '9') {
      length = length * 10 + static_cast<uint64_t>(records[digits++] - '0');
    }
    if (digits == 0 || length <= digits + 1 || length > records.size() || records[digits] != ' ') return false;
    const std::string_view record = records.substr(digits + 1, length - digits - 1);
    const size_t equals = record.find('=');
    if (!record.ends_with('\n') || equals == std::string_view::npos) return false;
    if (std::ranges::find(kHarmlessKeys, record.substr(0, equals)) == std::end(kHarmlessKeys)) return false;
    records.remove_prefix(length);
  }
  return true;
}

class TarReader {
 public:
  TarReader(const Input& input, const Limits& limits, std::initializer_list<std::string_view> first_names)
      : input_(input), limits_(limits), first_names_(first_names) {}

  Result<std::vector<TarMember>> ReadAll() {
    while (true) {
      AIRLOCK_TRY(input_.ReadAt(at_, block_));
      if (IsZero(block_)) break;
      AIRLOCK_TRY(ReadEntry());
    }
    if (extended_) return Malformed("an extended header of the tar archive belongs to no member", at_);
    AIRLOCK_TRY(CheckEnd());
    return std::move(members_);
  }

 private:
  Result<void> ReadEntry();
  Result<void> ReadExtended(uint64_t size);
  Result<void> AddMember(std::string_view name, uint64_t size);
  Result<void> SkipData(uint64_t size);
  Result<void> CheckEnd();

  const Input& input_;
  const Limits& limits_;
  const std::initializer_list<std::string_view> first_names_;
  uint64_t at_ = 0;
  Block block_ = {};
  bool extended_ = false;  // the entry before was an extended header
  std::vector<TarMember> members_;
  std::unordered_set<std::string, KeyedHash> names_;
};

Result<void> TarReader::ReadEntry() {
  if (!ChecksumIsRight(block_)) return Malformed("a header of the tar archive has a wrong checksum", at_);
  const std::optional<std::string_view> name = Text(Field(block_, 0, 100));
  const char type = static_cast<char>(block_[156]);
  const bool extended = type == 'x';
  if (members_.empty() && !extended && (!name || std::ranges::find(first_names_, *name) == std::end(first_names_))) {
    return Fail(Reason::kUnsupportedFormat, "a tar archive, not one that torch wrote", at_);
  }
  const std::string_view magic = Field(block_, 257, 8);
  if (magic != std::string_view("ustar\0"
                                "00",
                                8) &&
      magic != std::string_view("ustar  \0", 8)) {
    return Ambiguous("a header of the tar archive is of an unknown version", at_);
  }
  const std::optional<uint64_t> size = Octal(Field(block_, 124, 12));
  if (!size) return Ambiguous("a member of the tar archive has an odd size field", at_);
  if (extended) return ReadExtended(*size);
  if (type != '0' && type != '\0') {
    return Ambiguous("a member of the tar archive is no plain file", at_);
  }
  if (!name || !IsPlainName(*name) || !IsZero(std::span(block_).subspan(345))) {
    return Ambiguous("a member of the tar archive has a name that readers cut, join or follow elsewhere", at_);
  }
  return AddMember(*name, *size);
}

Result<void> TarReader::ReadExtended(uint64_t size) {
  if (extended_ || size > kMaxExtended) return Ambiguous("the tar archive has odd extended headers", at_);
  std::string records(size, '\0');
  AIRLOCK_TRY(input_.ReadAt(at_ + kBlock, {reinterpret_cast<uint8_t*>(records.data()), records.size()}));
  if (!IsHarmless(records)) {
    return Ambiguous("an extended header of the tar archive says more than times and owners", at_);
  }
  AIRLOCK_TRY(SkipData(size));
  extended_ = true;
  return {};
}

Result<void> TarReader::AddMember(std::string_view name, uint64_t size) {
  const uint64_t most = std::min<uint64_t>(limits_.members, kMaxMembers);
  if (members_.size() >= most) return FailLimit("members", most, members_.size() + 1, at_);
  std::string folded(name);
  for (char& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (!names_.insert(std::move(folded)).second) {
    return Ambiguous("the tar archive has '" + std::string(name) + "' twice", at_);
  }
  members_.push_back({.name = std::string(name), .header_offset = at_, .offset = at_ + kBlock, .size = size});
  AIRLOCK_TRY(SkipData(size));
  extended_ = false;
  return {};
}

// To the next header. What fills up the last block must be zeros.
Result<void> TarReader::SkipData(uint64_t size) {
  const uint64_t start = at_ + kBlock;
  if (!SpanFits(start, size, input_.size())) {
    return Fail(Reason::kTruncated, "inside a member of the tar archive", input_.size());
  }
  const uint64_t fill = (kBlock - size % kBlock) % kBlock;
  Block rest = {};
  AIRLOCK_TRY(input_.ReadAt(start + size, std::span(rest).first(fill)));
  if (!IsZero(std::span(rest).first(fill))) {
    return Ambiguous("bytes of the tar archive belong to no member", start + size);
  }
  at_ = start + size + fill;
  return {};
}

// Two blocks of zeros, and zeros from there.
Result<void> TarReader::CheckEnd() {
  const uint64_t left = input_.size() - at_;
  if (left < 2 * kBlock) return Fail(Reason::kTruncated, "before the end of the tar archive", input_.size());
  if (left > kMaxFill) return Fail(Reason::kTrailingBytes, "bytes follow the end of the tar archive", at_ + kMaxFill);
  std::vector<uint8_t> rest(left);
  AIRLOCK_TRY(input_.ReadAt(at_, rest));
  const auto other = std::find_if(rest.begin(), rest.end(), [](uint8_t byte) { return byte != 0; });
  if (other == rest.end()) return {};
  return Fail(Reason::kTrailingBytes, "bytes follow the end of the tar archive",
              at_ + static_cast<uint64_t>(other - rest.begin()));
}

}  // namespace

Result<TarArchive> TarArchive::Read(const Input& input, const Limits& limits,
                                    std::initializer_list<std::string_view> first_names) {
  TarArchive archive;
  AIRLOCK_ASSIGN(archive.members_, TarReader(input, limits, first_names).ReadAll());
  return archive;
}

const TarMember* TarArchive::Find(std::string_view name) const {
  const auto found = std::ranges::find(members_, name, &TarMember::name);
  return found == members_.end() ? nullptr : &*found;
}

}  // namespace airlock::formats
