#include "sandbox/formats/zip_member.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "sandbox/base/little_endian.h"
#include "sandbox/base/words.h"
#include "sandbox/pickle/utf8.h"

namespace airlock::formats {
namespace {

// An extra field or comment of the directory is never needed to be longer; whatever is there belongs to no member.
constexpr size_t kMaxExtra = 1024;

constexpr uint16_t kZip64Extra = 0x0001;
constexpr uint16_t kPaddingExtra = 0x4246;  // "FB": torch's alignment
// Info-ZIP's: some readers (Python's zipfile since 3.13) take the member's name from there.
constexpr uint16_t kUnicodePathExtra = 0x7075;

constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;
// Bits 1 and 2 say how hard the writer tried to compress.
constexpr uint16_t kPermittedFlags = kDescriptor | kUtf8 | (1 << 1) | (1 << 2);

Unexpected<Error> Ambiguous(const ZipMember& member, const char* what) {
  return Fail(Reason::kZipAmbiguous, "member '" + std::string(member.name) + "': " + what, member.header_offset);
}

// Calls visit(id, content) for each extra field; false where they do not fill `extra` exactly, or visit says so.
template <typename Visit>
bool ForEachExtra(std::span<const uint8_t> extra, Visit visit) {
  constexpr size_t kHeader = 4;
  while (extra.size() >= kHeader) {
    const auto id = LoadLittle<uint16_t>(extra.data());
    const auto length = LoadLittle<uint16_t>(extra.data() + 2);
    if (length > extra.size() - kHeader || !visit(id, extra.subspan(kHeader, length))) return false;
    extra = extra.subspan(kHeader + length);
  }
  return extra.empty();
}

// Takes the next 8 bytes of the zip64 field for a value that is escaped in its 32-bit place.
bool TakeEscaped(uint64_t& value, std::span<const uint8_t>& zip64) {
  if (value != UINT32_MAX) return true;
  if (zip64.size() < 8) return false;
  value = LoadLittle<uint64_t>(zip64.data());
  zip64 = zip64.subspan(8);
  return true;
}

// Puts the zip64 values in place. False where the field is longer or shorter than the escaped values, or is there
// twice.
bool ApplyCentralExtra(std::span<const uint8_t> extra, ZipMember& member) {
  std::optional<std::span<const uint8_t>> zip64;
  const bool sane = ForEachExtra(extra, [&](uint16_t id, std::span<const uint8_t> content) {
    if (id != kZip64Extra) return id != kUnicodePathExtra;
    if (zip64) return false;
    zip64 = content;
    return true;
  });
  if (!sane) return false;
  std::span<const uint8_t> rest = zip64.value_or(std::span<const uint8_t>());
  return TakeEscaped(member.size, rest) && TakeEscaped(member.stored_size, rest) &&
         TakeEscaped(member.header_offset, rest) && rest.empty();
}

Result<void> CheckFlagsAndMethod(const ZipMember& member) {
  if ((member.flags & (kEncrypted | kStrongEncryption | kMasked)) != 0) {
    return Fail(Reason::kEncryptedZip, "member '" + std::string(member.name) + "' is encrypted", member.header_offset);
  }
  if ((member.flags & ~kPermittedFlags) != 0) return Ambiguous(member, "has flags that no checkpoint needs");
  if (member.method != kStored && member.method != kDeflated) {
    return Fail(Reason::kUnsupportedFeature,
                "member '" + std::string(member.name) + "' is compressed by method " + std::to_string(member.method) +
                    "; only stored and deflated members are read",
                member.header_offset);
  }
  if (member.method == kStored && member.size != member.stored_size) {
    return Ambiguous(member, "is stored, yet has two sizes");
  }
  return {};
}

// Valid until the next call.
Result<std::span<const uint8_t>> Take(pickle::Source& source, size_t count) {
  AIRLOCK_TRY(source.Need(count));
  const std::span<const uint8_t> bytes(source.peek(), count);
  source.Skip(count);
  return bytes;
}

// What local headers may say of sizes: the truth, or nothing if a descriptor follows.
bool LocalSizesAgree(std::span<const uint8_t> header, std::span<const uint8_t> zip64, const ZipMember& member) {
  const bool later = (member.flags & kDescriptor) != 0;
  const auto agrees = [&](uint64_t local, uint64_t central) { return local == central || (later && local == 0); };
  uint64_t stored_size = LoadLittle<uint32_t>(header.data() + 18);
  uint64_t size = LoadLittle<uint32_t>(header.data() + 22);
  if (!TakeEscaped(size, zip64) || !TakeEscaped(stored_size, zip64)) return false;
  if (!agrees(LoadLittle<uint32_t>(header.data() + 14), member.crc)) return false;
  if (!agrees(stored_size, member.stored_size) || !agrees(size, member.size)) return false;
  // Torch's writer zeroes the sizes and still writes the large ones of (size, stored size, offset) here.
  const std::array<uint64_t, 3> truth = {member.size, member.stored_size, member.header_offset};
  size_t next = 0;
  for (; zip64.size() >= 8; zip64 = zip64.subspan(8)) {
    const auto value = LoadLittle<uint64_t>(zip64.data());
    while (next < truth.size() && truth[next] != value) ++next;
    if (next++ >= truth.size()) return false;
  }
  return zip64.empty();
}

// One of two letters again and again: then all but the first are all but the last.
bool IsPadding(std::span<const uint8_t> content) {
  if (content.empty()) return true;
  if (content[0] != 'Z' && content[0] != 0) return false;
  return std::memcmp(content.data(), content.data() + 1, content.size() - 1) == 0;
}

// A directory's name ends in a slash; every other component says something.
bool LeadsElsewhere(std::string_view name) {
  if (name.ends_with('/')) name.remove_suffix(1);
  for (;;) {
    const size_t slash = name.find('/');
    const std::string_view component = name.substr(0, slash);
    if (component.empty() || component == "." || component == "..") return true;
    if (slash == std::string_view::npos) return false;
    name.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<ZipMember> ReadCentralEntry(pickle::Source& source, KeptText& names) {
  const uint64_t at = source.offset();
  AIRLOCK_ASSIGN(const std::span<const uint8_t> fixed, Take(source, kCentralEntryBytes));
  if (!HasMagic(fixed.data(), kCentralMagic)) {
    return Fail(Reason::kZipMalformed, "the zip directory has no entry where one must be", at);
  }
  ZipMember member{.name = {},
                   .flags = LoadLittle<uint16_t>(fixed.data() + 8),
                   .method = LoadLittle<uint16_t>(fixed.data() + 10),
                   .crc = LoadLittle<uint32_t>(fixed.data() + 16),
                   .stored_size = LoadLittle<uint32_t>(fixed.data() + 20),
                   .size = LoadLittle<uint32_t>(fixed.data() + 24),
                   .header_offset = LoadLittle<uint32_t>(fixed.data() + 42)};
  const auto name_length = LoadLittle<uint16_t>(fixed.data() + 28);
  const auto extra_length = LoadLittle<uint16_t>(fixed.data() + 30);
  const auto comment_length = LoadLittle<uint16_t>(fixed.data() + 32);
  const auto disk = LoadLittle<uint16_t>(fixed.data() + 34);
  AIRLOCK_ASSIGN(const std::span<const uint8_t> name, Take(source, name_length));
  member.name = names.Keep({reinterpret_cast<const char*>(name.data()), name.size()});
  if (extra_length > kMaxExtra || comment_length > 0) {
    return Fail(Reason::kZipUnaccountedBytes,
                "member '" + std::string(member.name) + "' has bytes in the zip directory that nothing needs", at);
  }
  AIRLOCK_ASSIGN(const std::span<const uint8_t> extra, Take(source, extra_length));
  if (disk != 0) return Ambiguous(member, "lies on another disk");
  if (!ApplyCentralExtra(extra, member)) return Ambiguous(member, "has odd extra fields in the zip directory");
  AIRLOCK_TRY(CheckFlagsAndMethod(member));
  AIRLOCK_TRY(CheckMemberName(member));
  return member;
}

Result<size_t> LocalNameAndExtra(std::span<const uint8_t> header, uint64_t offset) {
  if (!HasMagic(header.data(), kLocalMagic)) {
    return Fail(Reason::kZipMalformed, "no local header where the zip directory says", offset);
  }
  return size_t{LoadLittle<uint16_t>(header.data() + 26)} + LoadLittle<uint16_t>(header.data() + 28);
}

Result<void> CompareLocalHeader(std::span<const uint8_t> header, const ZipMember& member) {
  const auto name_length = LoadLittle<uint16_t>(header.data() + 26);
  const std::span<const uint8_t> name = header.subspan(kLocalHeaderBytes, name_length);
  if (std::string_view(reinterpret_cast<const char*>(name.data()), name.size()) != member.name) {
    return Ambiguous(member, "has another name in its local header");
  }
  if (LoadLittle<uint16_t>(header.data() + 6) != member.flags) return Ambiguous(member, "has two sets of flags");
  if (LoadLittle<uint16_t>(header.data() + 8) != member.method) return Ambiguous(member, "has two compression methods");
  std::span<const uint8_t> zip64;
  bool zip64_seen = false;
  bool padding_sane = true;
  size_t other_bytes = 0;
  const bool sane =
      ForEachExtra(header.subspan(kLocalHeaderBytes + name_length), [&](uint16_t id, std::span<const uint8_t> content) {
        if (id == kPaddingExtra) padding_sane = padding_sane && IsPadding(content);
        if (id != kPaddingExtra) other_bytes += content.size();
        if (id != kZip64Extra) return id != kUnicodePathExtra;
        zip64 = content;
        return !std::exchange(zip64_seen, true);
      });
  if (!sane) return Ambiguous(member, "has odd extra fields in its local header");
  if (!padding_sane || other_bytes > kMaxExtra) {
    return Fail(Reason::kZipUnaccountedBytes,
                "member '" + std::string(member.name) + "' hides bytes in its local header", member.header_offset);
  }
  if (!LocalSizesAgree(header, zip64, member))
    return Ambiguous(member, "has other sizes or checksum in its local header");
  return {};
}

bool IsDescriptorOf(std::span<const uint8_t> bytes, const ZipMember& member) {
  if (bytes.size() != 16 && bytes.size() != 24) return false;
  if (!HasMagic(bytes.data(), kDescriptorMagic)) return false;
  if (LoadLittle<uint32_t>(bytes.data() + 4) != member.crc) return false;
  const bool wide = bytes.size() == 24;
  const uint64_t stored_size = wide ? LoadLittle<uint64_t>(bytes.data() + 8) : LoadLittle<uint32_t>(bytes.data() + 8);
  const uint64_t size = wide ? LoadLittle<uint64_t>(bytes.data() + 16) : LoadLittle<uint32_t>(bytes.data() + 12);
  return stored_size == member.stored_size && size == member.size;
}

Result<void> CheckMemberName(const ZipMember& member) {
  const std::string_view name = member.name;
  if (name.empty()) return Ambiguous(member, "has no name");
  uint64_t bad = 0;
  uint64_t wide = 0;
  uint64_t odd = 0;        // a slash or dot where a component starts
  uint64_t before = 0x80;  // the high bit: a component starts with the next byte
  ForEachEight(name, ' ', [&](uint64_t word) {
    bad |= AnyEqual(word, '\\') | AnyBelow(word, 0x20) | AnyEqual(word, 0x7F);
    wide |= AnyHigh(word);
    const uint64_t slashes = AnyEqual(word, '/');
    odd |= (slashes << 8 | before) & (slashes | AnyEqual(word, '.'));
    before = slashes >> 56;
  });
  if (bad != 0) return Ambiguous(member, "has a name that readers cut or rewrite");
  if (wide != 0 && ((member.flags & kUtf8) == 0 || !pickle::IsUtf8(name, pickle::Surrogates::kRefuse)))
    return Ambiguous(member, "has a name in no known encoding");
  if (odd != 0 && LeadsElsewhere(name)) return Ambiguous(member, "has a name that leads elsewhere");
  return {};
}

}  // namespace airlock::formats
