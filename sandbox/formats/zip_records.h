// What the records of a zip archive begin with, and how long their fixed parts are (PKWARE's APPNOTE, 4.3).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace airlock::formats {

inline constexpr std::string_view kLocalMagic = "PK\x03\x04";
inline constexpr std::string_view kDescriptorMagic = "PK\x07\x08";
inline constexpr std::string_view kCentralMagic = "PK\x01\x02";
inline constexpr std::string_view kEndMagic = "PK\x05\x06";
inline constexpr std::string_view kLocatorMagic = "PK\x06\x07";
inline constexpr std::string_view kEnd64Magic = "PK\x06\x06";

inline constexpr size_t kLocalHeaderBytes = 30;
inline constexpr size_t kCentralEntryBytes = 46;
inline constexpr uint64_t kEndBytes = 22;
inline constexpr uint64_t kLocatorBytes = 20;
inline constexpr uint64_t kEnd64Bytes = 56;
// Behind the end record.
inline constexpr uint64_t kMaxComment = 65535;

// REQUIRES: as many bytes as the magic has.
inline bool HasMagic(const uint8_t* bytes, std::string_view magic) {
  return std::equal(magic.begin(), magic.end(), bytes,
                    [](char c, uint8_t byte) { return static_cast<uint8_t>(c) == byte; });
}

}  // namespace airlock::formats
