// One member of a zip archive, and the two headers that describe it: parsed here, compared in zip_directory.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sandbox/base/error.h"
#include "sandbox/base/kept_text.h"
#include "sandbox/formats/zip_records.h"
#include "sandbox/pickle/source.h"

namespace airlock::formats {

struct ZipMember {
  std::string_view name;  // of the directory
  uint16_t flags = 0;
  uint16_t method = 0;
  uint32_t crc = 0;
  uint64_t stored_size = 0;  // in the file
  uint64_t size = 0;         // inflated
  uint64_t header_offset = 0;
  // Known once the local header was checked.
  uint64_t data_offset = 0;

  bool deflated() const { return method == 8; }
};

enum ZipFlag : uint16_t {
  kEncrypted = 1 << 0,
  kDescriptor = 1 << 3,
  kStrongEncryption = 1 << 6,
  kUtf8 = 1 << 11,
  kMasked = 1 << 13
};

// The next entry of the central directory. The source stands on it, and behind it afterwards. The name goes to `names`.
Result<ZipMember> ReadCentralEntry(pickle::Source& source, KeptText& names);

// Length of name and extra field, from a local header's fixed part. Fails where there is no local header.
Result<size_t> LocalNameAndExtra(std::span<const uint8_t> header, uint64_t offset);

// Fails as kZipAmbiguous where the local header tells another story than the directory. `header` is the fixed part, the
// name and the extra field.
Result<void> CompareLocalHeader(std::span<const uint8_t> header, const ZipMember& member);

// Whether the bytes between a member's data and what follows are the data descriptor that torch's writer leaves.
bool IsDescriptorOf(std::span<const uint8_t> bytes, const ZipMember& member);

// Fails where two readers could disagree on which member a name is, or where it leads out of the archive.
Result<void> CheckMemberName(const ZipMember& member);

}  // namespace airlock::formats
