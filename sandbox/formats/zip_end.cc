#include "sandbox/formats/zip_end.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "sandbox/base/checked.h"
#include "sandbox/base/little_endian.h"
#include "sandbox/formats/zip_records.h"

namespace airlock::formats {
namespace {

// Fields that both end records have.
struct EndFields {
  uint64_t disk, directory_disk, entries_here, entries, size, offset;
};

EndFields ReadClassic(const uint8_t* at) {
  return {LoadLittle<uint16_t>(at + 4),  LoadLittle<uint16_t>(at + 6),  LoadLittle<uint16_t>(at + 8),
          LoadLittle<uint16_t>(at + 10), LoadLittle<uint32_t>(at + 12), LoadLittle<uint32_t>(at + 16)};
}

EndFields ReadEnd64(const uint8_t* at) {
  return {LoadLittle<uint32_t>(at + 16), LoadLittle<uint32_t>(at + 20), LoadLittle<uint64_t>(at + 24),
          LoadLittle<uint64_t>(at + 32), LoadLittle<uint64_t>(at + 40), LoadLittle<uint64_t>(at + 48)};
}

// Position in `tail` of the one record that every reader finds.
Result<uint64_t> FindClassic(std::string_view tail, uint64_t tail_offset) {
  const size_t last = tail.rfind(kEndMagic);
  if (last == std::string_view::npos) return Fail(Reason::kTruncated, "a zip archive without its directory");
  if (last + kEndBytes > tail.size()) {
    return Fail(Reason::kTruncated, "the end record of the zip archive is cut off", tail_offset + last);
  }
  const auto comment_of = [&](size_t at) {
    return LoadLittle<uint16_t>(reinterpret_cast<const uint8_t*>(tail.data()) + at + kEndBytes - 2);
  };
  const uint64_t end = last + kEndBytes + comment_of(last);
  if (end < tail.size())
    return Fail(Reason::kTrailingBytes, "bytes follow the end of the zip archive", tail_offset + end);
  if (end > tail.size()) return Fail(Reason::kTruncated, "the zip archive's comment is cut off", tail_offset + last);
  for (size_t at = tail.find(kEndMagic); at < last; at = tail.find(kEndMagic, at + 1)) {
    if (at + kEndBytes + comment_of(at) == tail.size()) {
      return Fail(Reason::kZipAmbiguous, "the zip archive has two end records", tail_offset + at);
    }
  }
  return last;
}

// The zip64 record, where there is a locator before the classic record at `end_offset`.
Result<std::optional<EndFields>> ReadZip64(const Input& input, uint64_t end_offset) {
  using Absent = std::optional<EndFields>;
  if (end_offset < kLocatorBytes) return Absent();
  const uint64_t locator_offset = end_offset - kLocatorBytes;
  std::array<uint8_t, kLocatorBytes> locator;
  AIRLOCK_TRY(input.ReadAt(locator_offset, locator));
  if (!HasMagic(locator.data(), kLocatorMagic)) return Absent();
  const bool one_disk = LoadLittle<uint32_t>(locator.data() + 4) == 0 && LoadLittle<uint32_t>(locator.data() + 16) == 1;
  const bool adjacent =
      locator_offset >= kEnd64Bytes && LoadLittle<uint64_t>(locator.data() + 8) == locator_offset - kEnd64Bytes;
  if (!one_disk || !adjacent) {
    return Fail(Reason::kZipAmbiguous, "the zip64 locator does not point to the record before it", locator_offset);
  }
  std::array<uint8_t, kEnd64Bytes> record;
  AIRLOCK_TRY(input.ReadAt(locator_offset - kEnd64Bytes, record));
  if (!HasMagic(record.data(), kEnd64Magic) || LoadLittle<uint64_t>(record.data() + 4) != kEnd64Bytes - 12) {
    return Fail(Reason::kZipAmbiguous, "the zip64 end record is not where its locator says",
                locator_offset - kEnd64Bytes);
  }
  return Absent(ReadEnd64(record.data()));
}

bool Agrees(uint64_t classic, uint64_t zip64, uint64_t escape) { return classic == zip64 || classic == escape; }

bool Agree(const EndFields& classic, const EndFields& zip64) {
  return Agrees(classic.disk, zip64.disk, UINT16_MAX) &&
         Agrees(classic.directory_disk, zip64.directory_disk, UINT16_MAX) &&
         Agrees(classic.entries_here, zip64.entries_here, UINT16_MAX) &&
         Agrees(classic.entries, zip64.entries, UINT16_MAX) && Agrees(classic.size, zip64.size, UINT32_MAX) &&
         Agrees(classic.offset, zip64.offset, UINT32_MAX);
}

}  // namespace

Result<ZipEnd> FindZipEnd(const Input& input) {
  std::vector<uint8_t> tail(std::min(input.size(), kEndBytes + kMaxComment));
  const uint64_t tail_offset = input.size() - tail.size();
  AIRLOCK_TRY(input.ReadAt(tail_offset, tail));
  AIRLOCK_ASSIGN(const uint64_t position,
                 FindClassic({reinterpret_cast<const char*>(tail.data()), tail.size()}, tail_offset));
  const uint64_t end_offset = tail_offset + position;
  const EndFields classic = ReadClassic(tail.data() + position);
  AIRLOCK_ASSIGN(const std::optional<EndFields> zip64, ReadZip64(input, end_offset));
  if (zip64 && !Agree(classic, *zip64)) {
    return Fail(Reason::kZipAmbiguous, "the two end records of the zip archive disagree", end_offset);
  }
  const EndFields& fields = zip64 ? *zip64 : classic;
  if (fields.disk != 0 || fields.directory_disk != 0 || fields.entries_here != fields.entries) {
    return Fail(Reason::kZipAmbiguous, "the zip archive says that it has several disks", end_offset);
  }
  const uint64_t directory_end = zip64 ? end_offset - kLocatorBytes - kEnd64Bytes : end_offset;
  const std::optional<uint64_t> announced_end = CheckedAdd(fields.offset, fields.size);
  if (!announced_end || *announced_end > directory_end) {
    return Fail(Reason::kZipMalformed, "the zip directory reaches into the end of the archive", end_offset);
  }
  // Bytes in front of the archive move the directory from where its offset says; bytes behind it leave a gap.
  if (*announced_end < directory_end) {
    return Fail(Reason::kZipUnaccountedBytes, "the zip directory does not end where the end record starts",
                *announced_end);
  }
  return ZipEnd{.entries = fields.entries,
                .directory_offset = fields.offset,
                .directory_size = fields.size,
                .comment_size = input.size() - end_offset - kEndBytes};
}

}  // namespace airlock::formats
