#include "sandbox/formats/hidden_archive.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "sandbox/base/checked.h"
#include "sandbox/base/little_endian.h"
#include "sandbox/formats/zip_records.h"

namespace airlock::formats {
namespace {

Result<bool> Stands(const Input& input, uint64_t offset, std::string_view magic) {
  std::array<uint8_t, 4> bytes;
  if (!SpanFits(offset, bytes.size(), input.size())) return false;
  AIRLOCK_TRY(input.ReadAt(offset, bytes));
  return HasMagic(bytes.data(), magic);
}

// Whether the end record at `at`, whose fields are `record`, leads to a directory.
Result<bool> LeadsSomewhere(const Input& input, uint64_t at, const uint8_t* record) {
  const uint64_t size = LoadLittle<uint32_t>(record + 12);
  const uint64_t offset = LoadLittle<uint32_t>(record + 16);
  if (size > 0 && offset + size == at) return Stands(input, offset, kCentralMagic);
  if (at < kLocatorBytes) return false;
  AIRLOCK_ASSIGN(const bool located, Stands(input, at - kLocatorBytes, kLocatorMagic));
  if (!located) return false;
  std::array<uint8_t, kLocatorBytes> locator;
  AIRLOCK_TRY(input.ReadAt(at - kLocatorBytes, locator));
  return Stands(input, LoadLittle<uint64_t>(locator.data() + 8), kEnd64Magic);
}

}  // namespace

Result<void> LookForHiddenArchive(const Input& input, pickle::Context& context) {
  std::vector<uint8_t> tail(std::min(input.size(), kEndBytes + kMaxComment));
  const uint64_t start = input.size() - tail.size();
  AIRLOCK_TRY(input.ReadAt(start, tail));
  const std::string_view text(reinterpret_cast<const char*>(tail.data()), tail.size());
  if (text.size() < kEndBytes) return {};
  const size_t last = text.rfind(kEndMagic, text.size() - kEndBytes);
  if (last == std::string_view::npos) return {};
  AIRLOCK_ASSIGN(const bool leads, LeadsSomewhere(input, start + last, tail.data() + last));
  if (!leads) return {};
  pickle::AddFinding(context, {.id = "file.hidden-archive",
                               .severity = pickle::Severity::kWarning,
                               .message = "the file is a zip archive too, to readers that look for one at its end; "
                                          "that archive was not looked into",
                               .where = {},
                               .offset = input.FileOffset(start + last)});
  return {};
}

}  // namespace airlock::formats
