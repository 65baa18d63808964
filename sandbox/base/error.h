// Why a decoder has no (complete) answer, in the worker's own words. The broker re-checks all of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "sandbox/base/expected.h"

namespace airlock {

// The reasons that a decoder may give: names and numbers of airlock.v1.Reason, 1-99 (a test compares them). Repeated
// here because the proto's enum carries options, which the worker's lite runtime cannot read.
enum class Reason : uint32_t {
  kTruncated = 1,
  kPickleMalformed = 2,
  kZipMalformed = 3,
  kLegacyMalformed = 4,
  kSafetensorsMalformed = 5,
  kTensorOutOfBounds = 6,
  kStorageSizeMismatch = 7,
  kCompressionBroken = 8,
  kTarMalformed = 9,
  kGgufMalformed = 10,
  kNpyMalformed = 11,
  kSetMalformed = 15,
  kZipAmbiguous = 20,
  kZipDuplicateMember = 21,
  kZipOverlap = 22,
  kZipUnaccountedBytes = 23,
  kTrailingBytes = 24,
  kTarAmbiguous = 25,
  kSetAmbiguous = 28,
  kNameLeavesFolder = 29,
  kLimitExceeded = 30,
  kNotACheckpoint = 40,
  kEmptyFile = 41,
  kGitLfsPointer = 42,
  kHtmlPage = 43,
  kSevenZip = 44,
  kEncryptedZip = 45,
  kUnsupportedFormat = 46,
  kUnsupportedFeature = 47,
  kNoSuchMember = 48,
  kNeedsFolder = 50,
};

// A limit that was hit. `name` is the field's name in airlock.v1.Limits and points to static storage.
struct LimitHit {
  const char* name = "";
  uint64_t limit = 0;
  uint64_t seen = 0;
};

struct Error {
  Reason reason;
  // One sentence with particulars; may quote the file, unescaped.
  std::string message;
  // Byte offset in the input, where one is known.
  std::optional<uint64_t> offset;
  // With Reason::kLimitExceeded.
  std::optional<LimitHit> limit;
};

template <typename T>
using Result = Expected<T, Error>;

inline Unexpected<Error> Fail(Reason reason, std::string message, std::optional<uint64_t> offset = std::nullopt) {
  return Unexpected<Error>{Error{reason, std::move(message), offset, std::nullopt}};
}

inline Unexpected<Error> FailLimit(const char* name, uint64_t limit, uint64_t seen,
                                   std::optional<uint64_t> offset = std::nullopt) {
  return Unexpected<Error>{Error{
      Reason::kLimitExceeded, std::string(name) + ": " + std::to_string(seen) + " of at most " + std::to_string(limit),
      offset, LimitHit{name, limit, seen}}};
}

}  // namespace airlock
